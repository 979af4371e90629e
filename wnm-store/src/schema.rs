//! The tables as diesel sees them; `migrations/` is where they are made.

diesel::table! {
    machine (id) {
        id -> BigInt,
        generation -> BigInt,
        memory -> Text,
        created -> Nullable<BigInt>,
        upgrades_paused -> Nullable<BigInt>,
    }
}

diesel::table! {
    quarantine (program, version) {
        program -> Text,
        version -> Text,
        since -> BigInt,
        why -> Text,
    }
}

diesel::table! {
    settings (key) {
        key -> Text,
        value -> Text,
    }
}

diesel::table! {
    nodes (record) {
        record -> BigInt,
        id -> BigInt,
        name -> Text,
        program -> Text,
        manager -> Text,
        wallet -> Text,
        node_port -> BigInt,
        data_dir -> Text,
        spec -> Text,
        want -> Text,
        phase -> Text,
        version -> Nullable<Text>,
        created -> BigInt,
        upgrade -> Nullable<Text>,
    }
}

diesel::table! {
    operations (id) {
        id -> BigInt,
        record -> BigInt,
        node_id -> BigInt,
        action -> Text,
        planned -> Text,
        begun -> BigInt,
        ended -> Nullable<BigInt>,
        outcome -> Nullable<Text>,
        superseded_by -> Nullable<BigInt>,
    }
}

diesel::table! {
    requests (id) {
        id -> BigInt,
        verb -> Text,
        made -> BigInt,
        made_at -> Text,
        answer -> Nullable<Text>,
        answered -> Nullable<BigInt>,
    }
}

diesel::table! {
    samples (id) {
        id -> BigInt,
        boot -> Text,
        uptime_ms -> BigInt,
        sample -> Text,
    }
}

diesel::table! {
    readings (record) {
        record -> BigInt,
        at -> BigInt,
        essence -> Text,
        view -> Text,
    }
}

diesel::table! {
    cycle_groups (id) {
        id -> BigInt,
        schema -> BigInt,
        boot -> Text,
        since -> BigInt,
        since_uptime_ms -> BigInt,
        at -> BigInt,
        uptime_ms -> BigInt,
        cycles -> BigInt,
        bytes -> BigInt,
        text -> Binary,
    }
}

diesel::table! {
    cycles (id) {
        id -> BigInt,
        of_group -> BigInt,
        at -> BigInt,
        nodes -> BigInt,
        actions -> BigInt,
        delta -> Binary,
    }
}

diesel::table! {
    // kept by diesel_migrations
    __diesel_schema_migrations (version) {
        version -> Text,
    }
}

diesel::joinable!(cycles -> cycle_groups (of_group));
diesel::allow_tables_to_appear_in_same_query!(cycles, cycle_groups);
diesel::allow_tables_to_appear_in_same_query!(nodes, operations);

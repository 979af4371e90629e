//! Whatever stands in it, a database is read or refused, and never believed in part.

use proptest::prelude::*;

use super::{LAST, alter, made, read};
use crate::LegacyError;
use crate::legacy::columns_for_tests;
use crate::tests::Home;

/// A literal of SQL.
fn literal() -> impl Strategy<Value = String> {
    prop_oneof![
        Just("NULL".to_owned()),
        any::<i64>().prop_map(|number| number.to_string()),
        (0_i64..70_000).prop_map(|number| number.to_string()),
        any::<f64>().prop_filter("a literal", |it| it.is_finite()).prop_map(|it| format!("{it:e}")),
        Just("9e999".to_owned()),
        "[ -~]{0,12}".prop_map(|text| format!("'{}'", text.replace('\'', "''"))),
        "/[a-z./]{0,20}".prop_map(|text| format!("'{text}'")),
        Just("'antnode0001.service'".to_owned()),
        proptest::collection::vec(any::<u8>(), 0..6).prop_map(|bytes| {
            let hex: String = bytes.iter().map(|byte| format!("{byte:02x}")).collect();
            format!("CAST(x'{hex}' AS TEXT)")
        }),
        Just("x'00ff'".to_owned()),
    ]
}

/// `(table, which column, literal, which row)`.
fn change() -> impl Strategy<Value = (bool, usize, String, u8)> {
    (any::<bool>(), any::<usize>(), literal(), 0_u8..5)
}

/// No constraints: anything may stand anywhere.
fn lax() -> Home {
    made(
        &LAST
            .replace(" NOT NULL", "")
            .replace("PRIMARY KEY (id)", "CHECK (1)")
            .replace("INTEGER", ""),
    )
}

fn is_read_or_refused(home: &Home) {
    match read(home) {
        Ok(found) => {
            let ports: std::collections::BTreeSet<u16> =
                found.nodes.iter().map(|node| node.port).collect();
            assert_eq!(ports.len(), found.nodes.len());
            for data in found.nodes.iter().filter_map(|node| node.data.as_ref()) {
                assert!(data.is_absolute() && data.parent().is_some());
            }
        }
        Err(LegacyError::Content { problems, .. }) => assert!(!problems.is_empty()),
        Err(LegacyError::File(error)) => panic!("{error}"),
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 40, ..ProptestConfig::default() })]

    #[test]
    fn any_cells(changes in proptest::collection::vec(change(), 1..6)) {
        let home = lax();
        for (of_node, column, literal, row) in changes {
            let (table, columns) = match of_node {
                true => ("node", columns_for_tests().1),
                false => ("machine", columns_for_tests().0),
            };
            let column = columns[column % columns.len()];
            let row = if of_node { row } else { 1 };
            alter(&home, &format!("UPDATE {table} SET {column} = {literal} WHERE rowid = {row}"));
        }
        is_read_or_refused(&home);
    }

    #[test]
    fn any_columns(keep in proptest::collection::vec(any::<bool>(), 80)) {
        let home = lax();
        let (machine, node) = columns_for_tests();
        let all = machine.iter().map(|it| ("machine", it)).chain(node.iter().map(|it| ("node", it)));
        alter(&home, "DROP INDEX ix_node_status; DROP INDEX ix_node_wallet");
        let mut dropped = Vec::new();
        for ((table, column), keep) in all.zip(&keep) {
            // One in four goes.
            if !keep && *column != "id" && dropped.len() % 2 == 0 {
                alter(&home, &format!("ALTER TABLE {table} DROP COLUMN {column}"));
            }
            dropped.push(column);
        }
        is_read_or_refused(&home);
    }

    #[test]
    fn any_bytes(at in any::<usize>(), bytes in proptest::collection::vec(any::<u8>(), 1..64)) {
        let home = made(LAST);
        let mut image = std::fs::read(&home.file).unwrap();
        let at = at % image.len();
        let end = (at + bytes.len()).min(image.len());
        image[at..end].copy_from_slice(&bytes[..end - at]);
        std::fs::write(&home.file, image).unwrap();
        // Most of it is not seen: rows of other columns, free space. It must end, and not in a panic.
        let _ = read(&home);
    }
}

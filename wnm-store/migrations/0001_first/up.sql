-- JSON columns hold wnm-core's own types. Columns beside them repeat what must be unique or is
-- searched for.

CREATE TABLE machine (
    id         INTEGER PRIMARY KEY CHECK (id = 1),
    generation INTEGER NOT NULL DEFAULT 0 CHECK (generation >= 0),
    memory     TEXT NOT NULL DEFAULT '{}' CHECK (json_valid(memory)),
    -- when settings were first stored
    created    INTEGER
) STRICT;

INSERT INTO machine (id) VALUES (1);

CREATE TABLE settings (
    key   TEXT NOT NULL PRIMARY KEY,
    value TEXT NOT NULL
) STRICT;

CREATE TABLE nodes (
    -- never used again: a request or an operation can only ever mean the node it was made for
    record    INTEGER PRIMARY KEY AUTOINCREMENT,
    id        INTEGER NOT NULL UNIQUE CHECK (id > 0),
    name      TEXT NOT NULL UNIQUE,
    program   TEXT NOT NULL,
    manager   TEXT NOT NULL,
    wallet    TEXT NOT NULL CHECK (wallet LIKE '0x%' AND length(wallet) = 42),
    node_port INTEGER NOT NULL UNIQUE CHECK (node_port BETWEEN 1 AND 65535),
    data_dir  TEXT NOT NULL UNIQUE,
    spec      TEXT NOT NULL CHECK (json_valid(spec)),
    want      TEXT NOT NULL
              CHECK (want IN ('run', 'stopped-by-operator', 'stopped-by-pressure', 'disabled')),
    phase     TEXT NOT NULL CHECK (json_valid(phase)),
    version   TEXT,
    created   INTEGER NOT NULL
) STRICT;

-- for managers that keep several nodes in one container; nothing writes it yet
CREATE TABLE containers (
    id      INTEGER PRIMARY KEY AUTOINCREMENT,
    name    TEXT NOT NULL UNIQUE,
    manager TEXT NOT NULL,
    created INTEGER NOT NULL
) STRICT;

CREATE TABLE operations (
    id            INTEGER PRIMARY KEY AUTOINCREMENT,
    -- no reference: the journal outlives the node
    record        INTEGER NOT NULL,
    node_id       INTEGER NOT NULL CHECK (node_id > 0),
    action        TEXT NOT NULL,
    planned       TEXT NOT NULL CHECK (json_valid(planned)),
    begun         INTEGER NOT NULL,
    ended         INTEGER,
    outcome       TEXT CHECK (json_valid(outcome)),
    superseded_by INTEGER REFERENCES operations (id),
    -- open, or ended with an outcome, or ended by a later operation on the same node
    CHECK ((ended IS NULL AND outcome IS NULL AND superseded_by IS NULL)
        OR (ended IS NOT NULL AND (outcome IS NULL) <> (superseded_by IS NULL)))
) STRICT;

CREATE INDEX operations_open ON operations (record) WHERE ended IS NULL;
CREATE INDEX operations_of_node ON operations (node_id);

CREATE TABLE requests (
    id       INTEGER PRIMARY KEY AUTOINCREMENT,
    verb     TEXT NOT NULL CHECK (json_valid(verb)),
    made     INTEGER NOT NULL,
    made_at  TEXT NOT NULL CHECK (json_valid(made_at)),
    answer   TEXT CHECK (json_valid(answer)),
    answered INTEGER,
    CHECK ((answer IS NULL) = (answered IS NULL))
) STRICT;

CREATE INDEX requests_open ON requests (id) WHERE answered IS NULL;

CREATE TABLE samples (
    id        INTEGER PRIMARY KEY AUTOINCREMENT,
    boot      TEXT NOT NULL,
    uptime_ms INTEGER NOT NULL CHECK (uptime_ms >= 0),
    sample    TEXT NOT NULL CHECK (json_valid(sample))
) STRICT;

CREATE TABLE readings (
    record INTEGER PRIMARY KEY REFERENCES nodes (record) ON DELETE CASCADE,
    at      INTEGER NOT NULL,
    -- what tells a change from one more look at the same thing
    essence TEXT NOT NULL CHECK (json_valid(essence)),
    view    TEXT NOT NULL CHECK (json_valid(view))
) STRICT;

-- Cycles that lie next to each other: one text in full, and each cycle as what differs from it.
-- They are forgotten together.
CREATE TABLE cycle_groups (
    id              INTEGER PRIMARY KEY AUTOINCREMENT,
    -- the shape of the snapshots: a program that does not know it has seen nothing yet
    schema          INTEGER NOT NULL,
    boot            TEXT NOT NULL,
    -- of the first cycle
    since           INTEGER NOT NULL,
    since_uptime_ms INTEGER NOT NULL CHECK (since_uptime_ms >= 0),
    -- of the last one
    at              INTEGER NOT NULL,
    uptime_ms       INTEGER NOT NULL CHECK (uptime_ms >= 0),
    cycles          INTEGER NOT NULL CHECK (cycles >= 0),
    -- all of it, so that forgetting reads no cycle
    bytes           INTEGER NOT NULL CHECK (bytes >= 0),
    -- JSON, deflated: a thousand nodes take two megabytes of it
    text            BLOB NOT NULL
) STRICT;

CREATE TABLE cycles (
    id       INTEGER PRIMARY KEY AUTOINCREMENT,
    of_group INTEGER NOT NULL REFERENCES cycle_groups (id) ON DELETE CASCADE,
    at       INTEGER NOT NULL,
    nodes    INTEGER NOT NULL CHECK (nodes >= 0),
    actions  INTEGER NOT NULL CHECK (actions >= 0),
    delta    BLOB NOT NULL
) STRICT;

CREATE INDEX cycles_of_group ON cycles (of_group);

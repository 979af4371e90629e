//! What stands in a database is believed only when it makes sense; else the cell is named.

use insta::assert_snapshot;

use super::{FIRST, LAST_OF_SYSTEM, alter, changed, made, read, refusal};

#[test]
fn wrong_types_are_named_cell_by_cell() {
    let home = changed(
        "UPDATE machine SET node_cap = 'many', cpu_less_than = -1, mem_remove = 2.5,
             delay_start = 9e999, hd_remove = x'00ff', no_upnp = 2, node_storage = 7,
             desired_load_average = 'NaN';
         UPDATE node SET port = 'high', metrics_port = 70000 WHERE id = 1;
         UPDATE node SET port = 0, status = 'FINE' WHERE id = 2;
         UPDATE node SET age = -5 WHERE id = 3;",
    );
    assert_snapshot!(refusal(&home), @"
    colony.db makes no sense
      table machine, row 1, column node_cap: `many` is a text, and must be a number
      table machine, row 1, column cpu_less_than: `-1` is negative
      table machine, row 1, column mem_remove: `2.5` is not a whole number
      table machine, row 1, column hd_remove: it holds bytes, and must hold a text or a number
      table machine, row 1, column desired_load_average: `NaN` is a text, and must be a number
      table machine, row 1, column delay_start: `Inf` is no number that can be used
      table machine, row 1, column no_upnp: `2` is neither 0 nor 1
      table machine, row 1, column node_storage: `7` is not a path from the root on
      table node, row 1, column port: `high` is a text, and must be a number
      table node, row 3, column age: `-5` is negative
      table node, row 2, column port: `0` is no port: ports go from 1 to 65535
    ");
}

#[test]
fn what_is_not_text_or_far_too_long_is_not_shown() {
    let home = changed(
        "UPDATE machine SET rewards_address = CAST(x'30780000' AS TEXT),
             donate_address = CAST(x'ff' AS TEXT), environment = printf('%.*c', 5000, 'x');
         UPDATE node SET wallet = 'a' || char(27) || '[31m' WHERE id = 1",
    );
    assert_snapshot!(refusal(&home), @"
    colony.db makes no sense
      table machine, row 1, column rewards_address: `0x��` has a control character in it
      table machine, row 1, column donate_address: it is not UTF-8
      table machine, row 1, column environment: its text is longer than 4096 bytes
      table node, row 1, column wallet: `a�[31m` has a control character in it
    ");
}

#[test]
fn not_a_number_is_nothing_to_sqlite_and_nothing_here() {
    // SQLite keeps NaN as NULL; the column says NOT NULL, an older one need not.
    let lax =
        super::LAST.replace("desired_load_average FLOAT NOT NULL", "desired_load_average FLOAT");
    let home = made(&lax);
    alter(&home, "UPDATE machine SET desired_load_average = 9e999 - 9e999");
    assert!(!read(&home).unwrap().settings.contains_key("desired_load_average"));
}

#[test]
fn two_of_anything_are_refused() {
    let doubled = "UPDATE node SET port = 55001, service = 'antnode0001.service' WHERE id = 2;
         UPDATE node SET metrics_port = 55004, root_dir =
             '/home/ann/.local/share/autonomi/node/antnode0003' WHERE id = 3;
         UPDATE node SET rpc_port = 55004 WHERE id = 4;";
    assert_snapshot!(refusal(&changed(doubled)), @"
    colony.db makes no sense
      table node, row 2, column service: `antnode0001.service` is no service of this node
      table node, row 4, column port: `55004` is of node 3 as well
      table node, row 4, column rpc_port: `55004` stands there twice
    ");
    // Without a key two rows may have one number.
    let keyless = LAST_OF_SYSTEM
        .replace("id INTEGER NOT NULL, \n", "id INTEGER, \n")
        .replace("PRIMARY KEY (id)", "CHECK (id > 0)");
    let home = made(&keyless);
    alter(
        &home,
        "UPDATE node SET id = 1, node_name = '0001', service = 'antnode1', root_dir = '/a/antnode1' WHERE id = 5",
    );
    assert_snapshot!(refusal(&home), @"
    colony.db makes no sense
      table node, row 1, column id: `1` stands there twice
    ");
}

#[test]
fn paths_that_lead_elsewhere_are_refused() {
    let home = changed(
        "UPDATE machine SET node_storage = '/';
         UPDATE node SET root_dir = 'antnode0001' WHERE id = 1;
         UPDATE node SET root_dir = '/srv/../etc/antnode0002', binary = 'antnode' WHERE id = 2;
         UPDATE node SET root_dir = '/srv/./antnode0003', log_dir = '..' WHERE id = 3;
         UPDATE node SET binary = '/bin/sh' || char(10) || 'x' WHERE id = 4;",
    );
    assert_snapshot!(refusal(&home), @"
    colony.db makes no sense
      table machine, row 1, column node_storage: `/` is the root of everything
      table node, row 4, column binary: `/bin/sh�x` has a control character in it
      table node, row 1, column root_dir: `antnode0001` is not a path from the root on
      table node, row 2, column binary: `antnode` is not a path from the root on
      table node, row 3, column root_dir: `/srv/./antnode0003` has `.` or `..` in it: paths must say where they lead
      table node, row 3, column log_dir: `..` is not a path from the root on
    ");
}

#[test]
fn names_that_are_no_names_are_refused() {
    let home = changed(
        "UPDATE node SET service = '--all' WHERE id = 1;
         UPDATE node SET service = '../antnode0002.service' WHERE id = 2;
         UPDATE node SET service = 'antnode0007.service' WHERE id = 3;
         UPDATE node SET node_name = '0009' WHERE id = 4;",
    );
    assert_snapshot!(refusal(&home), @"
    colony.db makes no sense
      table node, row 1, column service: `--all` is no service of this node
      table node, row 2, column service: `../antnode0002.service` is no service of this node
      table node, row 3, column service: `antnode0007.service` is no service of this node
      table node, row 4, column node_name: `0009` is not the name of node 4
    ");
}

#[test]
fn rows_without_what_makes_a_node_are_refused() {
    let lax = super::LAST.replace(" NOT NULL", "");
    let home = made(&lax);
    alter(&home, "UPDATE node SET port = NULL, root_dir = NULL WHERE id = 2");
    assert_snapshot!(refusal(&home), @"
    colony.db makes no sense
      table node, row 2, column root_dir: it is empty
      table node, row 2, column port: it is empty
    ");
    let home = changed("ALTER TABLE node DROP COLUMN binary; ALTER TABLE node DROP COLUMN uptime");
    assert_snapshot!(refusal(&home), @"
    colony.db makes no sense
      table node, column binary: it has no such column
    ");
}

#[test]
fn two_machines_are_one_too_many() {
    let twice = super::LAST.replace("PRIMARY KEY (id)", "CHECK (id > 0)");
    let home = made(&twice);
    alter(&home, "INSERT INTO machine SELECT * FROM machine");
    assert_snapshot!(refusal(&home), @"
    colony.db makes no sense
      table machine: it has 2 rows, and must have one
    ");
}

#[test]
fn columns_are_found_whatever_else_there_is() {
    let home = changed(
        "ALTER TABLE node ADD COLUMN mood TEXT;
         ALTER TABLE machine ADD COLUMN \"a;b'\"\"c\" TEXT;
         ALTER TABLE machine DROP COLUMN delay_upgrade;",
    );
    let found = read(&home).unwrap();
    assert_eq!(found.unknown, ["machine.a;b'\"c", "node.mood"]);
    assert_eq!(found.missing, ["machine.delay_upgrade"]);
    assert_eq!(found.nodes.len(), 4);
}

#[test]
fn a_first_name_beside_a_later_one_says_nothing() {
    let home = changed("ALTER TABLE machine ADD COLUMN \"DelayStart\" INTEGER DEFAULT 9");
    assert_eq!(read(&home).unwrap().settings["delay_start"], "300");
    // Fractions where the first generation had them.
    let home = made(FIRST);
    alter(&home, "UPDATE machine SET HDIOReadLessThan = 1000000.5, NetIOReadRemove = 5e6");
    let settings = read(&home).unwrap().settings;
    assert_eq!(settings["hdio_read_less_than"], "1000000.5");
    assert_eq!(settings["netio_read_remove"], "5000000");
}

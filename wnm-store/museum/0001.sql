-- A store of schema 0001, as it was written then. It is never changed.
PRAGMA foreign_keys = OFF;
PRAGMA application_id = 2003725617;
BEGIN;
CREATE TABLE __diesel_schema_migrations (
       version VARCHAR(50) PRIMARY KEY NOT NULL,
       run_on TIMESTAMP NOT NULL DEFAULT CURRENT_TIMESTAMP
);
CREATE TABLE machine (
    id         INTEGER PRIMARY KEY CHECK (id = 1),
    generation INTEGER NOT NULL DEFAULT 0 CHECK (generation >= 0),
    memory     TEXT NOT NULL DEFAULT '{}' CHECK (json_valid(memory)),
    -- when settings were first stored
    created    INTEGER
) STRICT;
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
INSERT INTO __diesel_schema_migrations (version, run_on) VALUES ('0001', '2026-11-30 11:12:17');
INSERT INTO machine (id, generation, memory, created) VALUES (1, 1, '{"boot":"museum","last_look":{"boot":"museum","uptime_ms":60000},"over":{},"urgent":null,"rounds":{},"room":null,"last_growth":null,"last_stop":null,"last_shed":null,"removals":[],"nodes":{"1":{"restarts":null,"process":null,"alive":false,"deaths":[],"last_try":null,"size":null,"cpu":null},"2":{"restarts":null,"process":null,"alive":false,"deaths":[],"last_try":null,"size":null,"cpu":null},"3":{"restarts":null,"process":null,"alive":false,"deaths":[],"last_try":null,"size":null,"cpu":null}},"cost":{"observed_s":0.0,"cpus":0,"running":{"cpu":null,"memory":null,"load":null},"starting":{"cpu":null,"memory":null,"load":null},"disk_growth":null,"received":null,"sent":null,"beyond":{"nodes":0.0,"cpu":0.0,"nodes_squared":0.0,"nodes_by_cpu":0.0,"weight_s":0.0,"each":null}}}', 1795000001000);
INSERT INTO settings (key, value) VALUES ('rewards_address', '0x00455d78f850b0358E8cea5be24d415E01E107CF');
INSERT INTO settings (key, value) VALUES ('node_storage', '/srv/nodes');
INSERT INTO settings (key, value) VALUES ('log_storage', '/srv/logs');
INSERT INTO nodes (record, id, name, program, manager, wallet, node_port, data_dir, spec, want, phase, version, created) VALUES (1, 1, 'antnode0001', 'ant-node', 'systemd+user', '0x00455d78f850b0358E8cea5be24d415E01E107CF', 55001, '/srv/nodes/antnode0001', '{"id":"antnode0001","program":"ant-node","manager":{"kind":"systemd","scope":"user"},"wallet":"0x00455d78f850b0358E8cea5be24d415E01E107CF","ports":{"node":55001,"metrics":null,"webrtc":null},"storage":"/srv/nodes","data":"/srv/nodes/antnode0001","logs":"/srv/logs/antnode0001","binary":"/srv/nodes/antnode0001/ant-node","autostart":false,"launch":{"network":"arbitrum-one","start_args":[],"environment":[],"bootstrap":[],"no_upnp":false}}', 'run', '{"is":"starting","since":{"boot":"museum","uptime_ms":10000}}', '0.23.1', 1795000010000);
INSERT INTO nodes (record, id, name, program, manager, wallet, node_port, data_dir, spec, want, phase, version, created) VALUES (2, 2, 'antnode0002', 'ant-node', 'systemd+user', '0x00455d78f850b0358E8cea5be24d415E01E107CF', 55002, '/srv/nodes/antnode0002', '{"id":"antnode0002","program":"ant-node","manager":{"kind":"systemd","scope":"user"},"wallet":"0x00455d78f850b0358E8cea5be24d415E01E107CF","ports":{"node":55002,"metrics":null,"webrtc":null},"storage":"/srv/nodes","data":"/srv/nodes/antnode0002","logs":"/srv/logs/antnode0002","binary":"/srv/nodes/antnode0002/ant-node","autostart":false,"launch":{"network":"arbitrum-one","start_args":[],"environment":[],"bootstrap":[],"no_upnp":false}}', 'stopped-by-operator', '{"is":"steady"}', '0.23.1', 1795000010000);
INSERT INTO nodes (record, id, name, program, manager, wallet, node_port, data_dir, spec, want, phase, version, created) VALUES (3, 3, 'antnode0003', 'ant-node', 'systemd+user', '0x00455d78f850b0358E8cea5be24d415E01E107CF', 55003, '/srv/nodes/antnode0003', '{"id":"antnode0003","program":"ant-node","manager":{"kind":"systemd","scope":"user"},"wallet":"0x00455d78f850b0358E8cea5be24d415E01E107CF","ports":{"node":55003,"metrics":null,"webrtc":null},"storage":"/srv/nodes","data":"/srv/nodes/antnode0003","logs":"/srv/logs/antnode0003","binary":"/srv/nodes/antnode0003/ant-node","autostart":false,"launch":{"network":"arbitrum-one","start_args":[],"environment":[],"bootstrap":[],"no_upnp":false}}', 'disabled', '{"is":"steady"}', '0.23.1', 1795000010000);
INSERT INTO operations (id, record, node_id, action, planned, begun, ended, outcome, superseded_by) VALUES (1, 1, 1, 'add', '{"action":{"do":"add","spec":{"id":"antnode0001","program":"ant-node","manager":{"kind":"systemd","scope":"user"},"wallet":"0x00455d78f850b0358E8cea5be24d415E01E107CF","ports":{"node":55001,"metrics":null,"webrtc":null},"storage":"/srv/nodes","data":"/srv/nodes/antnode0001","logs":"/srv/logs/antnode0001","binary":"/srv/nodes/antnode0001/ant-node","autostart":false,"launch":{"network":"arbitrum-one","start_args":[],"environment":[],"bootstrap":[],"no_upnp":false}},"release":{"version":"0.23.1","path":"/opt/ant-node"}},"reason":{"because":"room-again"}}', 1795000010000, 1795000020000, '{"outcome":"done","changes":["made"]}', NULL);
INSERT INTO operations (id, record, node_id, action, planned, begun, ended, outcome, superseded_by) VALUES (2, 2, 2, 'add', '{"action":{"do":"add","spec":{"id":"antnode0002","program":"ant-node","manager":{"kind":"systemd","scope":"user"},"wallet":"0x00455d78f850b0358E8cea5be24d415E01E107CF","ports":{"node":55002,"metrics":null,"webrtc":null},"storage":"/srv/nodes","data":"/srv/nodes/antnode0002","logs":"/srv/logs/antnode0002","binary":"/srv/nodes/antnode0002/ant-node","autostart":false,"launch":{"network":"arbitrum-one","start_args":[],"environment":[],"bootstrap":[],"no_upnp":false}},"release":{"version":"0.23.1","path":"/opt/ant-node"}},"reason":{"because":"room-again"}}', 1795000010000, 1795000020000, '{"outcome":"done","changes":["made"]}', NULL);
INSERT INTO operations (id, record, node_id, action, planned, begun, ended, outcome, superseded_by) VALUES (3, 3, 3, 'add', '{"action":{"do":"add","spec":{"id":"antnode0003","program":"ant-node","manager":{"kind":"systemd","scope":"user"},"wallet":"0x00455d78f850b0358E8cea5be24d415E01E107CF","ports":{"node":55003,"metrics":null,"webrtc":null},"storage":"/srv/nodes","data":"/srv/nodes/antnode0003","logs":"/srv/logs/antnode0003","binary":"/srv/nodes/antnode0003/ant-node","autostart":false,"launch":{"network":"arbitrum-one","start_args":[],"environment":[],"bootstrap":[],"no_upnp":false}},"release":{"version":"0.23.1","path":"/opt/ant-node"}},"reason":{"because":"room-again"}}', 1795000010000, 1795000020000, '{"outcome":"done","changes":["made"]}', NULL);
INSERT INTO operations (id, record, node_id, action, planned, begun, ended, outcome, superseded_by) VALUES (4, 2, 2, 'stop', '{"action":{"do":"stop","node":{"id":"antnode0002","record":2},"stopped":"by-operator"},"reason":{"because":"room-again"}}', 1795000010000, 1795000020000, '{"outcome":"done","changes":["made"]}', NULL);
INSERT INTO operations (id, record, node_id, action, planned, begun, ended, outcome, superseded_by) VALUES (5, 3, 3, 'disable', '{"action":{"do":"disable","node":{"id":"antnode0003","record":3}},"reason":{"because":"room-again"}}', 1795000010000, 1795000020000, '{"outcome":"done","changes":["made"]}', NULL);
INSERT INTO operations (id, record, node_id, action, planned, begun, ended, outcome, superseded_by) VALUES (6, 1, 1, 'restart', '{"action":{"do":"restart","node":{"id":"antnode0001","record":1},"release":null},"reason":{"because":"room-again"}}', 1795000010000, NULL, NULL, NULL);
INSERT INTO requests (id, verb, made, made_at, answer, answered) VALUES (1, '{"verb":"add","count":1}', 1795000030000, '{"boot":"museum","uptime_ms":30000}', NULL, NULL);
INSERT INTO readings (record, at, essence, view) VALUES (1, 1795000060000, '{"state":"unknown","alive":null,"process":null,"restarts":null,"version":null,"peer_id":null}', '{"record":{"record":1,"spec":{"id":"antnode0001","program":"ant-node","manager":{"kind":"systemd","scope":"user"},"wallet":"0x00455d78f850b0358E8cea5be24d415E01E107CF","ports":{"node":55001,"metrics":null,"webrtc":null},"storage":"/srv/nodes","data":"/srv/nodes/antnode0001","logs":"/srv/logs/antnode0001","binary":"/srv/nodes/antnode0001/ant-node","autostart":false,"launch":{"network":"arbitrum-one","start_args":[],"environment":[],"bootstrap":[],"no_upnp":false}},"want":"run","phase":{"is":"starting","since":{"boot":"museum","uptime_ms":10000}},"version":"0.23.1","created":1795000010000},"seen":{"state":{"is":"unknown","why":"it was not looked at"},"alive":null},"process":null,"process_age":null,"restarts":null,"definition_lost":false,"memory":null,"cpu_ms":null,"facts":{"version":null,"peer_id":null,"peers":null,"records":null,"shunned":null,"uptime_s":null},"data_present":null,"disk":null,"measured":null,"growth":null}');
INSERT INTO readings (record, at, essence, view) VALUES (2, 1795000060000, '{"state":"unknown","alive":null,"process":null,"restarts":null,"version":null,"peer_id":null}', '{"record":{"record":2,"spec":{"id":"antnode0002","program":"ant-node","manager":{"kind":"systemd","scope":"user"},"wallet":"0x00455d78f850b0358E8cea5be24d415E01E107CF","ports":{"node":55002,"metrics":null,"webrtc":null},"storage":"/srv/nodes","data":"/srv/nodes/antnode0002","logs":"/srv/logs/antnode0002","binary":"/srv/nodes/antnode0002/ant-node","autostart":false,"launch":{"network":"arbitrum-one","start_args":[],"environment":[],"bootstrap":[],"no_upnp":false}},"want":"stopped-by-operator","phase":{"is":"steady"},"version":"0.23.1","created":1795000010000},"seen":{"state":{"is":"unknown","why":"it was not looked at"},"alive":null},"process":null,"process_age":null,"restarts":null,"definition_lost":false,"memory":null,"cpu_ms":null,"facts":{"version":null,"peer_id":null,"peers":null,"records":null,"shunned":null,"uptime_s":null},"data_present":null,"disk":null,"measured":null,"growth":null}');
INSERT INTO readings (record, at, essence, view) VALUES (3, 1795000060000, '{"state":"disabled","alive":null,"process":null,"restarts":null,"version":null,"peer_id":null}', '{"record":{"record":3,"spec":{"id":"antnode0003","program":"ant-node","manager":{"kind":"systemd","scope":"user"},"wallet":"0x00455d78f850b0358E8cea5be24d415E01E107CF","ports":{"node":55003,"metrics":null,"webrtc":null},"storage":"/srv/nodes","data":"/srv/nodes/antnode0003","logs":"/srv/logs/antnode0003","binary":"/srv/nodes/antnode0003/ant-node","autostart":false,"launch":{"network":"arbitrum-one","start_args":[],"environment":[],"bootstrap":[],"no_upnp":false}},"want":"disabled","phase":{"is":"steady"},"version":"0.23.1","created":1795000010000},"seen":{"state":{"is":"disabled"},"alive":null},"process":null,"process_age":null,"restarts":null,"definition_lost":false,"memory":null,"cpu_ms":null,"facts":{"version":null,"peer_id":null,"peers":null,"records":null,"shunned":null,"uptime_s":null},"data_present":null,"disk":null,"measured":null,"growth":null}');
INSERT INTO cycle_groups (id, schema, boot, since, since_uptime_ms, at, uptime_ms, cycles, bytes, text) VALUES (1, 1, 'museum', 1795000060000, 60000, 1795000060000, 60000, 1, 2204, X'7801ED58C972E33812BDF7573870A66D4AB6645BD7899AEB7C80A3820192690921126061B146CDD0BFCF4B80D4C2B1AAABA2ABABFB503E58C496EBCB44267AE1BCB1548B552F2CEDA4AD5D21EBDA92736225F2FFE6F9E362513F3DBF3D2FF2327F583C7F7AAE482E4A9A3FD68FB3C5A77CF669963FFDEBDF2213DAD4543035B9269CBD77F6FD5E63CE61AD31EBE912A69C3864C2BC93B5AA26F0EB0F87DF0461BCF71BA5D7E2B75E54B21310AD51ADF26235CFB3A3BCF31C87AB2EF032242E4A6ACC4EAC16F91D36596A41B79025FE8BD513E6B0B9C5A4DD4FF62FB19641F58BFD8B3B265E2BB7E5DDA5D4D13E675C9EB0637AEA0594C0852D40757129C1B0D61839A534BF7B9C127A8CDC4DE795D1B28104A05A59E5942BCABD6743CDF3F12F1BEC515CDF106DC7D6C556693DBE840CDEC02B5146D96066063F746425B3C4306D00DB9A1AB9C7449FCE4216E1A8C2C4430E2B6BA90DBED9569114DC8E8D1FAC8392F3B2548DF2D1FE9D25E782A5626D6575766A39A1DA468F4D77CD9E2F79B39FA67BE6B3E58456B06BD2BE888879C919246B6B76C54EE99A71D30F8A2D27C71C79DF50E1557B26E754FB2F41919FEC819497623624AD9E6C7A99708BAA745619CB601F9D0C3A716163ACFADDE8931766F3FC65392541CEDB5079F54E4547B6D898006200592411FD0497C7A55AEEC12603FAE11DEB8B52565BF3F676A2BF04E7A393E1C4E174616C4D1631BE3741AFC12F6229D1688387A1DEC082B2981200905E74D6C0D52D8E48ED6FB5A909475AA9912A40A7175BC52126DCDE796A6BACB9CA74A02382032370DEC9A621C6EE6B2F10878C1F10FBAEFCB423B5DE2089CC0E9F33D19918097D14115963918996BC558CEDD9034CD25562F500F577545A8F6F1D9A0672386F2C8416AB577196E040B0316B689A26E3771683C87969C173B0472383AE366C5F4D7E672CD28B90B654DE86F6D668364A3C5048CBD45E4197F4BBB246B7C02E9862A234C6C3C39C17795D9B2274BA13ABC8E20011B74418C24C9C8647587F8494721F93C9F231E10C4743C7878B9882594A476C8F4B841D90955DB5A1568A15D2864EC1B3837F307E7A5930319C60542A0D6D34D4EF45690C7E451B1C8516FE0D1D4754D1C26671330BDECA0A691F5EEF05A2142B208F0FB162DBB37F5AC3E93B8D1AC3A9347DBFA9868A841D9CEAA108637D3CA74753A7CD10A941524D83A02D319D7E44204B65828784BB0D8203F0B891DAED188420AB015C7000062D550802B6D1F805615D47404A2F540D6C4AED793BCC3103B51F1400A0FB5D98FF3F98E739E43C223D19E11AC413985909BEC26BE9E1F1B3B9FB4B0D23E857699DBF27CBA5D292BD973644A2E73BF87BCC0B3278032FFDECB8D9411FD8D706CDFEDA4847EC5E057FA7CB8F2B924C38A5D38D559AAB889EE5F86344A39471B8C44135BF9B3FDC31102A00CE73BD351B62256D066122CD0CA1396750A0883907BDD566A72151C2A3F2373BE96EB4F1378D315BAA6FA4E72A4A36C8F709F1C029D056115770C9C1C3B088892B4D21817266028B34AEE94D69E5216CD1C0F8433A99061DA231866C3AF3262B0F02BD38AA99E63B225B700C9C86D89606295A8E43B7095AB335D26A4859615886220CBAA283B031FDA54DE7B1DD92742196AF696D6DCDCE23C1F2E890F5B8D92A63118DA7AF392CFD7198CE61E4CE9A1F714FB1C3BFA774EEA6B7519E43CE76BC90589B4CECE8E39BE82CA2A0015B0CECEF8FD5374716871B20C91A72688EEBFC3D59FE7A98CE79F73F234C9D375D47F56DB9BF45A580CAD55868DF4DC29664BDE7F0382254FC0AC484A6BF3D1051645DB92F1FD891FF9840849C3F3C1059430EBE2B81C8CB5F0FC4871F15887FA2CE1CEE4BA4635936C8E128AAFFB2E83B32C19DF0EBAA432B92898BAB0E7D01B220EA0794A67CF32EB3E3D5877AAF6B64BA65D114A0314C1D646D803EDCAC5C0620E0F88AE0F2834F0B54423CC695C1254B4A15A8EE617C4B0DAE5C3A561A16A344AFA44AA2BA67A2C6B4B7722D95165C0495B44649B5BAAC7720B0A52F01BD232EFB4168488A3C5DB214E9973B3D885699A0D13CCCC0BE95E81C8FA4D086739BC19305CAA0552F4A73B5288B9B0F07301E04E23EA18D0F0CCCB1347C5247D336D279944106ED599AC02B12B7A91020D8F55929624DD035146052D618F4B7FA44606D4FB54826224DBEB492E9C6890D0267E86F2C647947DF9CDA3CB6FF40B9320EEAF7C2948EEC3BD505E6E30306CA31FECC046A56CDE5292C80B991C3A8DC20D3B161821A8EBDFE5D2710815B3CB29CAB64A922549D28AF120777669992F64663A5470755134BC92F2E51B8287A54AF705F828CD5DBD95CB92F4EDB76C43DFB516192DC3D33B7C3015AD8118CBDF80F7C7556889EAEF94E723D28EEF19C76CA997CB81B6B2E3EFAFA19E44C55854EB1437AF1C9B2C3BFAD2B84576D2CADF9FDB217E3D345ECA23D3ADA35302C2BAEAD6107EED92D3173465D870074C1229E1003F836C17277C1FD2F0E219C604256178F09755D94D470B77DED8933E342BC5615C022C6BEE1108B6037D26D8131746199B8427A191D61B1EB9D8EAFA7F1AD1311F975D20DE3EB2AE1F987CF9C1F4ACC11DA986ACB8E8055CAF11B48BA45BAA919B6803C1D9562B8B09E7FBC7350FFDB3647850E90C6D29753A21A06C88699882DD9AB78B34437AA767829A86F3A86D50D501D7BB4AD46F3B6C227D6E22BC2672688EE8D180A1C1CDCEB1DBD955ECC90422F1370E423AEB47EDF42840BFFAF1161F40FB6410A290DA7C2D35B4D4C5DDC6D32624B73B938B46CA7879C2CBEE8632B22EAA7674B3103635C7D31BFC1C429763A6BAAB37658A65E393E9865A22664086CE5C08C9A7A04C890929DFA1DA1998830CAE234F49AFF142E0F3F810B94F975BDC0FB395F4F17D7CBE17F188C06EA');
INSERT INTO cycles (id, of_group, at, nodes, actions, delta) VALUES (1, 1, 1795000060000, 3, 0, X'7801636238C3040001A600D1');
INSERT INTO sqlite_sequence (name, seq) VALUES ('nodes', 3);
INSERT INTO sqlite_sequence (name, seq) VALUES ('operations', 6);
INSERT INTO sqlite_sequence (name, seq) VALUES ('requests', 1);
INSERT INTO sqlite_sequence (name, seq) VALUES ('cycle_groups', 1);
INSERT INTO sqlite_sequence (name, seq) VALUES ('cycles', 1);
COMMIT;

PRAGMA foreign_keys=OFF;
BEGIN TRANSACTION;
CREATE TABLE machine (
	id INTEGER NOT NULL,
	cpu_count INTEGER NOT NULL,
	node_cap INTEGER NOT NULL,
	cpu_less_than INTEGER NOT NULL,
	mem_less_than INTEGER NOT NULL,
	hd_less_than INTEGER NOT NULL,
	hdio_read_less_than INTEGER NOT NULL,
	hdio_write_less_than INTEGER NOT NULL,
	netio_read_less_than INTEGER NOT NULL,
	netio_write_less_than INTEGER NOT NULL,
	cpu_remove INTEGER NOT NULL,
	mem_remove INTEGER NOT NULL,
	hd_remove INTEGER NOT NULL,
	hdio_read_remove INTEGER NOT NULL,
	hdio_write_remove INTEGER NOT NULL,
	netio_read_remove INTEGER NOT NULL,
	netio_write_remove INTEGER NOT NULL,
	max_load_average_allowed FLOAT NOT NULL,
	desired_load_average FLOAT NOT NULL,
	delay_start INTEGER NOT NULL,
	delay_upgrade INTEGER NOT NULL,
	delay_remove INTEGER NOT NULL,
	node_storage TEXT NOT NULL,
	rewards_address TEXT NOT NULL,
	donate_address TEXT NOT NULL,
	port_start INTEGER NOT NULL,
	metrics_port_start INTEGER NOT NULL,
	last_stopped_at INTEGER NOT NULL,
	host TEXT NOT NULL,
	crisis_bytes INTEGER NOT NULL,
	environment TEXT,
	start_args TEXT,
	max_concurrent_upgrades INTEGER NOT NULL,
	max_concurrent_starts INTEGER NOT NULL,
	max_concurrent_removals INTEGER NOT NULL,
	node_removal_strategy TEXT NOT NULL,
	process_manager TEXT,
	PRIMARY KEY (id)
);
INSERT INTO machine VALUES(1,2,5,50,70,70,0,0,0,0,70,90,90,0,0,0,0,2.0,1.1999999999999999555,300,300,300,'/home/ann/.local/share/autonomi/node','0x00000000000000000000000000000000000000A1:3,faucet:1','0x00455d78f850b0358E8cea5be24d415E01E107CF',55,13,1796036346,'127.0.0.1',2000000000,'','',1,2,1,'youngest','systemd+user');
CREATE TABLE container (
	id INTEGER NOT NULL,
	machine_id INTEGER NOT NULL,
	container_id VARCHAR(64) NOT NULL,
	name TEXT NOT NULL,
	image TEXT NOT NULL,
	status VARCHAR(32) NOT NULL,
	created_at INTEGER NOT NULL,
	PRIMARY KEY (id),
	FOREIGN KEY(machine_id) REFERENCES machine (id),
	UNIQUE (container_id)
);
CREATE TABLE node (
	id INTEGER NOT NULL,
	machine_id INTEGER NOT NULL,
	container_id INTEGER,
	manager_type TEXT NOT NULL,
	node_name VARCHAR(10) NOT NULL,
	service TEXT NOT NULL,
	user VARCHAR(24) NOT NULL,
	binary TEXT NOT NULL,
	version TEXT,
	root_dir TEXT NOT NULL,
	port INTEGER NOT NULL,
	metrics_port INTEGER NOT NULL,
	network TEXT NOT NULL,
	wallet VARCHAR(42),
	peer_id VARCHAR(52),
	status VARCHAR(32) NOT NULL,
	timestamp INTEGER NOT NULL,
	records INTEGER NOT NULL,
	uptime INTEGER NOT NULL,
	shunned INTEGER NOT NULL,
	connected_peers INTEGER NOT NULL,
	age INTEGER NOT NULL,
	host TEXT NOT NULL,
	method TEXT NOT NULL,
	layout TEXT NOT NULL,
	environment TEXT,
	PRIMARY KEY (id),
	FOREIGN KEY(machine_id) REFERENCES machine (id),
	FOREIGN KEY(container_id) REFERENCES container (id)
);
INSERT INTO node VALUES(1,1,NULL,'systemd+user','0001','antnode0001.service','ant','/home/ann/.local/share/autonomi/node/antnode0001/antnode','0.4.17','/home/ann/.local/share/autonomi/node/antnode0001',55001,13001,'evm-arbitrum-one','0x00000000000000000000000000000000000000A1','12D3KooWP7PYcPXXZGUkjm18HFdHpUnhNa9n4vpuVeHHhJ9zFMXw','RUNNING',1796036383,0,570,0,6,1796036349,'127.0.0.1','systemd+user','1','');
INSERT INTO node VALUES(2,1,NULL,'systemd+user','0002','antnode0002.service','ant','/home/ann/.local/share/autonomi/node/antnode0002/antnode','0.4.17','/home/ann/.local/share/autonomi/node/antnode0002',55002,13002,'evm-arbitrum-one','0x00000000000000000000000000000000000000A1','','STOPPED',1796036372,0,0,0,0,1796036354,'127.0.0.1','systemd+user','1','');
INSERT INTO node VALUES(3,1,NULL,'systemd+user','0003','antnode0003.service','ant','/home/ann/.local/share/autonomi/node/antnode0003/antnode','0.4.17','/home/ann/.local/share/autonomi/node/antnode0003',55003,13003,'evm-arbitrum-one','0x00000000000000000000000000000000000000A1','','DISABLED',1796036376,0,0,0,0,1796036359,'127.0.0.1','systemd+user','1','');
INSERT INTO node VALUES(4,1,NULL,'systemd+user','0004','antnode0004.service','ant','/home/ann/.local/share/autonomi/node/antnode0004/antnode','0.4.17','/home/ann/.local/share/autonomi/node/antnode0004',55004,13004,'evm-arbitrum-one','0x00000000000000000000000000000000000000A1','12D3KooWP7PYcPXXZGUkjm18HFdHpUnhNa9n4vpuVeHHhJ9zFMXw','RUNNING',1796036383,0,570,0,6,1796036365,'127.0.0.1','systemd+user','1','');
CREATE INDEX ix_node_timestamp ON node (timestamp);
CREATE INDEX ix_node_records ON node (records);
CREATE INDEX ix_node_status ON node (status);
CREATE INDEX ix_node_wallet ON node (wallet);
COMMIT;

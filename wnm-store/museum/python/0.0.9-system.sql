PRAGMA foreign_keys=OFF;
BEGIN TRANSACTION;
CREATE TABLE machine (
	id INTEGER NOT NULL,
	"CpuCount" INTEGER NOT NULL,
	"NodeCap" INTEGER NOT NULL,
	"CpuLessThan" INTEGER NOT NULL,
	"CpuRemove" INTEGER NOT NULL,
	"MemLessThan" INTEGER NOT NULL,
	"MemRemove" INTEGER NOT NULL,
	"HDLessThan" INTEGER NOT NULL,
	"HDRemove" INTEGER NOT NULL,
	"DelayStart" INTEGER NOT NULL,
	"DelayUpgrade" INTEGER NOT NULL,
	"DelayRemove" INTEGER NOT NULL,
	"NodeStorage" TEXT NOT NULL,
	"RewardsAddress" TEXT NOT NULL,
	"DonateAddress" TEXT NOT NULL,
	"MaxLoadAverageAllowed" FLOAT NOT NULL,
	"DesiredLoadAverage" FLOAT NOT NULL,
	"PortStart" INTEGER NOT NULL,
	"HDIOReadLessThan" FLOAT NOT NULL,
	"HDIOReadRemove" FLOAT NOT NULL,
	"HDIOWriteLessThan" FLOAT NOT NULL,
	"HDIOWriteRemove" FLOAT NOT NULL,
	"NetIOReadLessThan" FLOAT NOT NULL,
	"NetIOReadRemove" FLOAT NOT NULL,
	"NetIOWriteLessThan" FLOAT NOT NULL,
	"NetIOWriteRemove" FLOAT NOT NULL,
	"LastStoppedAt" INTEGER NOT NULL,
	PRIMARY KEY (id)
);
INSERT INTO machine VALUES(1,2,5,50,70,70,90,70,90,5,5,10,'/var/antctl/services','0x00000000000000000000000000000000000000A1','0x00455d78f850b0358E8cea5be24d415E01E107CF',2.0,1.1999999999999999555,55,0.0,0.0,0.0,0.0,0.0,0.0,0.0,0.0,1796036541);
CREATE TABLE node (
	id INTEGER NOT NULL,
	nodename VARCHAR(10) NOT NULL,
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
	age INTEGER NOT NULL,
	host TEXT,
	PRIMARY KEY (id)
);
INSERT INTO node VALUES(1,'0001','antnode0001.service','ant','/var/antctl/services/antnode0001/antnode','0.4.17','/var/antctl/services/antnode0001',55001,13001,'evm-arbitrum-one','0x00000000000000000000000000000000000000A1','12D3KooWP7PYcPXXZGUkjm18HFdHpUnhNa9n4vpuVeHHhJ9zFMXw','STOPPED',1796036541,0,570,0,1796036535,'127.0.0.1');
INSERT INTO node VALUES(2,'0002','antnode0002.service','ant','/var/antctl/services/antnode0002/antnode','0.4.17','/var/antctl/services/antnode0002',55002,13002,'evm-arbitrum-one','0x00000000000000000000000000000000000000A1','','STOPPED',1796036539,0,0,0,0,'127.0.0.1');
INSERT INTO node VALUES(3,'0003','antnode0003.service','ant','/var/antctl/services/antnode0003/antnode','0.4.17','/var/antctl/services/antnode0003',55003,13003,'evm-arbitrum-one','0x00000000000000000000000000000000000000A1','12D3KooWP7PYcPXXZGUkjm18HFdHpUnhNa9n4vpuVeHHhJ9zFMXw','RUNNING',1796036539,0,570,0,1796036535,'127.0.0.1');
CREATE INDEX ix_node_records ON node (records);
CREATE INDEX ix_node_timestamp ON node (timestamp);
CREATE INDEX ix_node_status ON node (status);
CREATE INDEX ix_node_wallet ON node (wallet);
COMMIT;

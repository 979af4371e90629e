DROP TABLE quarantine;
ALTER TABLE machine DROP COLUMN upgrades_paused;
ALTER TABLE nodes DROP COLUMN upgrade;

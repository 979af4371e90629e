-- a program that was put in place of another one, until it is proven
ALTER TABLE nodes ADD COLUMN upgrade TEXT CHECK (json_valid(upgrade));

-- when an operator paused upgrades
ALTER TABLE machine ADD COLUMN upgrades_paused INTEGER;

-- Versions that failed. A cycle adds them with the revert, an operator takes them away: neither
-- writes over what the other wrote meanwhile.
CREATE TABLE quarantine (
    program TEXT NOT NULL,
    version TEXT NOT NULL,
    since   INTEGER NOT NULL,
    why     TEXT NOT NULL,
    PRIMARY KEY (program, version)
) STRICT;

-- What the recorded program does: build a table of 14 000 rows (2 rows a page, 28 MB), index it, query it,
-- change it, and compact the file. The page cache of sqlite is smaller than the table, so both memory
-- and the kernel's page cache are used again and again. "body" is zeros: its content costs no instructions
-- to make and changes nothing about which pages are touched.
.bail on
PRAGMA page_size = 4096;
PRAGMA journal_mode = DELETE;
PRAGMA synchronous = NORMAL;
PRAGMA cache_size = -20480; -- 20 MiB, 5120 pages
PRAGMA temp_store = FILE;
CREATE TABLE event (id INTEGER PRIMARY KEY, key INTEGER, body BLOB);

BEGIN;
WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 5000)
INSERT INTO event SELECT i, (i * 7919) % 100003, zeroblob(1900) FROM n;
COMMIT;
BEGIN;
WITH RECURSIVE n(i) AS (SELECT 5001 UNION ALL SELECT i + 1 FROM n WHERE i < 10000)
INSERT INTO event SELECT i, (i * 7919) % 100003, zeroblob(1900) FROM n;
COMMIT;
BEGIN;
WITH RECURSIVE n(i) AS (SELECT 10001 UNION ALL SELECT i + 1 FROM n WHERE i < 14000)
INSERT INTO event SELECT i, (i * 7919) % 100003, zeroblob(1900) FROM n;
COMMIT;

CREATE INDEX event_key ON event (key); -- reads the whole table, sorts in memory

-- 6000 rows picked all over the table, through the index
WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 6000)
SELECT count(*) FROM n JOIN event ON event.key = (((i * 5501) % 14000 + 1) * 7919) % 100003 WHERE substr(event.body, 1, 1) >= x'00';

-- 300 rows changed all over the table, in three transactions
UPDATE event SET body = zeroblob(1800) WHERE id % 140 = 3;
UPDATE event SET body = zeroblob(1800) WHERE id % 140 = 77;
UPDATE event SET body = zeroblob(1800) WHERE id % 140 = 111;

-- a big sort, in memory
SELECT count(*) FROM (SELECT key, body FROM event WHERE id % 3 = 0 ORDER BY key DESC LIMIT -1);

VACUUM; -- writes the whole table to a temporary file, the old pages to the journal, and copies it back

/* SPDX-License-Identifier: Apache-2.0 */
/* docs.c - the docstrings of what the extension makes public: what it does, what it takes and
 * raises, and an example, which tests/python/test_docstrings.py runs. */
#include "docs.h"

const char ext_doc_insert[] =
    "insert($self, source, data, *, wait=True)\n"
    "--\n"
    "\n"
    "Inserts rows into a source: all or none. Returns the row count.\n"
    "\n"
    "Args:\n"
    "    source: the name of a source or table.\n"
    "    data: a dict (one row, or columns when its first value is a list or an array), "
    "a list of\n"
    "        dicts, tuples or dataclasses, a pandas or polars frame, a structured numpy "
    "array, a\n"
    "        generator of rows or of any of these, or anything with an Arrow capsule. Columns "
    "are\n"
    "        matched by name and coerced to the declared types; missing ones take their "
    "DEFAULT or NULL.\n"
    "    wait: True: when it returns, every stream and query sees the rows. False: it "
    "returns when\n"
    "        they are accepted; flush() waits for them.\n"
    "\n"
    "Raises:\n"
    "    IngestionError: 300, with row, column, value and both types; or no room within\n"
    "        insert_timeout_ms.\n"
    "    SchemaError: 200, there is no such source.\n"
    "    TypeError: data are no rows.\n"
    "\n"
    "Example:\n"
    "    >>> db = laminardb.open()\n"
    "    >>> _ = db.execute(\"CREATE SOURCE t (k BIGINT, s VARCHAR)\")\n"
    "    >>> db.insert(\"t\", {\"k\": 1, \"s\": \"a\"}), db.insert(\"t\", [(2, \"b\"), "
    "(3, \"c\")])\n"
    "    (1, 2)\n"
    "    >>> db.insert(\"t\", {\"k\": [4, 5]})\n"
    "    2";

const char ext_doc_flush[] =
    "flush($self)\n"
    "--\n"
    "\n"
    "Waits until all that was accepted (wait=False too) is in every stream, and written "
    "by sinks.\n"
    "\n"
    "Raises:\n"
    "    IngestionError: the first failure of an insert that nobody waited for.\n"
    "    ConnectorError: 800, a sink has failed; told once.\n"
    "\n"
    "Example:\n"
    "    >>> db = laminardb.open()\n"
    "    >>> _ = db.execute(\"CREATE SOURCE t (k BIGINT, s VARCHAR)\")\n"
    "    >>> db.insert(\"t\", {\"k\": 1}, wait=False)\n"
    "    1\n"
    "    >>> db.flush()";

const char ext_doc_complete[] =
    "complete($self, sql, position=None)\n"
    "--\n"
    "\n"
    "What may stand at a place of a text that is being typed: (text, kind, start), best first.\n"
    "\n"
    "Args:\n"
    "    sql: the text, which need not be whole.\n"
    "    position: the place, in characters; None: the end of the text.\n"
    "\n"
    "text is what is to be typed, in double quotes where a name needs them, in the place of the\n"
    "characters from start up to position. kind is column, alias, source, table, stream, view,\n"
    "sink, pipeline, function, type, setting or keyword.\n"
    "\n"
    "Raises:\n"
    "    ValueError: position is not in the text.\n"
    "    ConnectionError: 101, the database is closed.\n"
    "\n"
    "Example:\n"
    "    >>> db = laminardb.open()\n"
    "    >>> _ = db.execute(\"CREATE SOURCE trades (symbol VARCHAR, price DOUBLE)\")\n"
    "    >>> db.complete(\"SELECT t.p FROM trades AS t\", 10)\n"
    "    [('price', 'column', 9)]\n"
    "    >>> db.complete(\"SELECT * FROM tr\")\n"
    "    [('trades', 'source', 14)]";

const char ext_doc_sql_tokens[] =
    "sql_tokens(sql, /)\n"
    "--\n"
    "\n"
    "The tokens and comments of a text, for highlighting: (kind, start, end) in characters. kind "
    "is\n"
    "keyword, name, quoted name, string, number, operator, parameter, comment, function, type or\n"
    "error.";

const char ext_doc_cancel_query[] =
    "cancel_query($self, query_id, /)\n"
    "--\n"
    "\n"
    "A running query raises QueryError 402; the consumers of a subscription finish.\n"
    "\n"
    "Args:\n"
    "    query_id: the id of one of queries(). One that is over stays so.\n"
    "\n"
    "Raises:\n"
    "    SchemaError: 200, an unknown id.\n"
    "\n"
    "Example:\n"
    "    >>> db = laminardb.open()\n"
    "    >>> _ = db.execute(\"CREATE SOURCE t (k BIGINT, s VARCHAR)\")\n"
    "    >>> _ = db.insert(\"t\", [(1, \"a\"), (2, \"b\"), (2, \"b\")])\n"
    "    >>> changes = db.subscribe(\"SELECT k FROM t\")\n"
    "    >>> db.cancel_query(db.queries()[0].id)\n"
    "    >>> changes\n"
    "    Subscription(finished)";

const char ext_doc_start[] =
    "start($self)\n"
    "--\n"
    "\n"
    "Starts the streams: each first reads every retained row of its inputs. Twice is fine.\n"
    "\n"
    "Raises:\n"
    "    ConnectionError: 101 after close(), 901 after shutdown().\n"
    "\n"
    "Example:\n"
    "    >>> db = laminardb.open()\n"
    "    >>> _ = db.execute(\"CREATE SOURCE t (k BIGINT, s VARCHAR)\")\n"
    "    >>> _ = db.execute(\"CREATE STREAM n AS SELECT k, count(*) AS n FROM t GROUP BY k\")\n"
    "    >>> db.start()\n"
    "    >>> db.pipeline_state\n"
    "    'Running'";

const char ext_doc_pause[] =
    "pause($self)\n"
    "--\n"
    "\n"
    "Rows are still accepted and stored, and queries over sources see them.\n"
    "\n"
    "Streams and subscriptions get them on resume().\n"
    "\n"
    "Raises ConnectionError 101 after close(), 901 after shutdown().\n"
    "\n"
    "Example:\n"
    "    >>> db = laminardb.open()\n"
    "    >>> _ = db.execute(\"CREATE SOURCE t (k BIGINT, s VARCHAR)\")\n"
    "    >>> _ = db.execute(\"CREATE STREAM n AS SELECT k, count(*) AS n FROM t GROUP BY k\")\n"
    "    >>> db.start()\n"
    "    >>> db.pause()\n"
    "    >>> _ = db.insert(\"t\", {\"k\": 1})\n"
    "    >>> db.query(\"SELECT count(*) FROM t\").fetchone(), db.query(\"FROM n\").fetchall()\n"
    "    ((1,), [])";

const char ext_doc_resume[] =
    "resume($self)\n"
    "--\n"
    "\n"
    "Takes what came in the pause through the streams, insert by insert, and runs on.\n"
    "\n"
    "Raises ConnectionError 101 after close(), 901 after shutdown().\n"
    "\n"
    "Example:\n"
    "    >>> db = laminardb.open()\n"
    "    >>> _ = db.execute(\"CREATE SOURCE t (k BIGINT, s VARCHAR)\")\n"
    "    >>> _ = db.execute(\"CREATE STREAM n AS SELECT k, count(*) AS n FROM t GROUP BY k\")\n"
    "    >>> db.start()\n"
    "    >>> db.pause()\n"
    "    >>> _ = db.insert(\"t\", {\"k\": 1})\n"
    "    >>> db.resume()\n"
    "    >>> db.query(\"FROM n\").fetchall()\n"
    "    [(1, 1)]";

const char ext_doc_shutdown[] =
    "shutdown($self)\n"
    "--\n"
    "\n"
    "Stops taking writes (code 901); reads go on, subscriptions end after what they have.\n"
    "\n"
    "Example:\n"
    "    >>> db = laminardb.open()\n"
    "    >>> db.shutdown()\n"
    "    >>> db.pipeline_state\n"
    "    'Stopped'";

const char ext_doc_close[] =
    "close($self)\n"
    "--\n"
    "\n"
    "Ends the database: waiters wake, later calls raise ConnectionError 101. Twice is fine.\n"
    "\n"
    "Example:\n"
    "    >>> db = laminardb.open()\n"
    "    >>> db.close()\n"
    "    >>> db.is_closed\n"
    "    True";

const char ext_doc_is_closed[] = "True after close().\n"
                                 "\n"
                                 "Example:\n"
                                 "    >>> laminardb.open().is_closed\n"
                                 "    False";

const char ext_doc_pipeline_state[] =
    "Where the pipeline is.\n"
    "\n"
    "'Created', 'Starting', 'Running', 'Paused', 'ShuttingDown', 'Stopped', or 'Faulted' "
    "when every\n"
    "stream has failed.\n"
    "\n"
    "Example:\n"
    "    >>> laminardb.open().pipeline_state\n"
    "    'Created'";

const char ext_doc_in_transaction[] =
    "True between this thread's BEGIN and its COMMIT or ROLLBACK.\n"
    "\n"
    "Example:\n"
    "    >>> db = laminardb.open()\n"
    "    >>> db.begin()\n"
    "    >>> db.in_transaction\n"
    "    True";

const char ext_doc_try_next[] =
    "try_next($self)\n"
    "--\n"
    "\n"
    "The next changes as a QueryResult, or None when there are none now. Never waits.\n"
    "\n"
    "Raises:\n"
    "    SubscriptionError: 503, rows were lost; the next call goes on behind them.\n"
    "    StreamError: 600, the stream has failed.\n"
    "\n"
    "Example:\n"
    "    >>> db = laminardb.open()\n"
    "    >>> _ = db.execute(\"CREATE SOURCE t (k BIGINT, s VARCHAR)\")\n"
    "    >>> _ = db.insert(\"t\", [(1, \"a\"), (2, \"b\"), (2, \"b\")])\n"
    "    >>> changes = db.subscribe(\"SELECT k FROM t\")\n"
    "    >>> changes.try_next().fetchall(), changes.try_next()\n"
    "    ([(1,), (2,), (2,)], None)";

const char ext_doc_next[] =
    "next($self)\n"
    "--\n"
    "\n"
    "Waits for the next changes, without the GIL; None at the end. Raises as try_next does.\n"
    "\n"
    "Example:\n"
    "    >>> db = laminardb.open()\n"
    "    >>> _ = db.execute(\"CREATE SOURCE t (k BIGINT, s VARCHAR)\")\n"
    "    >>> _ = db.insert(\"t\", [(1, \"a\"), (2, \"b\"), (2, \"b\")])\n"
    "    >>> changes = db.subscribe(\"SELECT k FROM t\")\n"
    "    >>> changes.next().num_rows\n"
    "    3\n"
    "    >>> db.close()\n"
    "    >>> changes.next() is None\n"
    "    True";

const char ext_doc_next_timeout[] =
    "next_timeout($self, timeout_ms, /)\n"
    "--\n"
    "\n"
    "Waits at most `timeout_ms` milliseconds; None when nothing came. Raises as try_next "
    "does.\n"
    "\n"
    "Example:\n"
    "    >>> db = laminardb.open()\n"
    "    >>> _ = db.execute(\"CREATE SOURCE t (k BIGINT, s VARCHAR)\")\n"
    "    >>> changes = db.subscribe(\"SELECT k FROM t\")\n"
    "    >>> changes.next_timeout(1) is None\n"
    "    True";

const char ext_doc_cancel[] =
    "cancel($self)\n"
    "--\n"
    "\n"
    "Ends the subscription and wakes its waiters on any thread. Twice is fine.\n"
    "\n"
    "Cannot fail.\n"
    "\n"
    "Example:\n"
    "    >>> db = laminardb.open()\n"
    "    >>> _ = db.execute(\"CREATE SOURCE t (k BIGINT, s VARCHAR)\")\n"
    "    >>> _ = db.insert(\"t\", [(1, \"a\"), (2, \"b\"), (2, \"b\")])\n"
    "    >>> changes = db.subscribe(\"SELECT k FROM t\")\n"
    "    >>> changes.cancel()\n"
    "    >>> changes.next() is None, changes\n"
    "    (True, Subscription(cancelled, finished))";

const char ext_doc_lag[] =
    "Bytes that wait to be read.\n"
    "\n"
    "Example:\n"
    "    >>> db = laminardb.open()\n"
    "    >>> _ = db.execute(\"CREATE SOURCE t (k BIGINT, s VARCHAR)\")\n"
    "    >>> _ = db.execute(\"CREATE STREAM n AS SELECT k, count(*) AS n FROM t GROUP BY k\")\n"
    "    >>> db.start()\n"
    "    >>> changes = db.subscribe_stream(\"n\")\n"
    "    >>> _ = db.insert(\"t\", {\"k\": 1})\n"
    "    >>> changes.lag > 0\n"
    "    True";

const char ext_doc_dropped[] =
    "Rows lost so far, by on_lag \"error\" or \"drop_oldest\".\n"
    "\n"
    "Example:\n"
    "    >>> db = laminardb.open()\n"
    "    >>> _ = db.execute(\"CREATE SOURCE t (k BIGINT, s VARCHAR)\")\n"
    "    >>> _ = db.insert(\"t\", [(1, \"a\"), (2, \"b\"), (2, \"b\")])\n"
    "    >>> changes = db.subscribe(\"SELECT k FROM t\")\n"
    "    >>> changes.dropped\n"
    "    0";

const char ext_doc_fetchall[] =
    "fetchall($self)\n"
    "--\n"
    "\n"
    "All rows as a list of tuples.\n"
    "\n"
    "Raises MemoryError alone.\n"
    "\n"
    "Example:\n"
    "    >>> result = laminardb.open().query(\"SELECT 1 AS a, 'x' AS b UNION ALL SELECT "
    "2, 'y'\")\n"
    "    >>> result.fetchall()\n"
    "    [(1, 'x'), (2, 'y')]";

const char ext_doc_fetchone[] =
    "fetchone($self)\n"
    "--\n"
    "\n"
    "The first row as a tuple, or None. Not a cursor: every call starts at row 0.\n"
    "\n"
    "Raises MemoryError alone.\n"
    "\n"
    "Example:\n"
    "    >>> result = laminardb.open().query(\"SELECT 1 AS a, 'x' AS b UNION ALL SELECT "
    "2, 'y'\")\n"
    "    >>> result.fetchone(), result.fetchone()\n"
    "    ((1, 'x'), (1, 'x'))";

const char ext_doc_fetchmany[] =
    "fetchmany($self, size=1)\n"
    "--\n"
    "\n"
    "At most `size` rows from the start, as tuples.\n"
    "\n"
    "size: how many. Raises MemoryError alone.\n"
    "\n"
    "Example:\n"
    "    >>> result = laminardb.open().query(\"SELECT 1 AS a, 'x' AS b UNION ALL SELECT "
    "2, 'y'\")\n"
    "    >>> result.fetchmany(1)\n"
    "    [(1, 'x')]";

const char ext_doc_num_rows[] =
    "Number of rows.\n"
    "\n"
    "Example:\n"
    "    >>> result = laminardb.open().query(\"SELECT 1 AS a, 'x' AS b UNION ALL SELECT "
    "2, 'y'\")\n"
    "    >>> result.num_rows\n"
    "    2";

const char ext_doc_num_columns[] =
    "Number of columns.\n"
    "\n"
    "Example:\n"
    "    >>> result = laminardb.open().query(\"SELECT 1 AS a, 'x' AS b UNION ALL SELECT "
    "2, 'y'\")\n"
    "    >>> result.num_columns\n"
    "    2";

const char ext_doc_num_batches[] = "Number of Arrow record batches.\n"
                                   "\n"
                                   "Example:\n"
                                   "    >>> laminardb.open().query(\"SELECT 1\").num_batches\n"
                                   "    1";

const char ext_doc_columns[] =
    "Column names.\n"
    "\n"
    "Example:\n"
    "    >>> result = laminardb.open().query(\"SELECT 1 AS a, 'x' AS b UNION ALL SELECT "
    "2, 'y'\")\n"
    "    >>> result.columns\n"
    "    ['a', 'b']";

const char ext_doc_position[] =
    "Of a delivery: (epoch, part), comparable between subscriptions; else None.\n"
    "\n"
    "Example:\n"
    "    >>> db = laminardb.open()\n"
    "    >>> _ = db.execute(\"CREATE SOURCE t (k BIGINT, s VARCHAR)\")\n"
    "    >>> _ = db.insert(\"t\", [(1, \"a\"), (2, \"b\"), (2, \"b\")])\n"
    "    >>> changes = db.subscribe(\"SELECT k FROM t\")\n"
    "    >>> changes.next().position is not None, db.query(\"FROM t\").position\n"
    "    (True, None)";

const char ext_doc_deleted[] =
    "Of a delivery: last rows of the keys that left, as a QueryResult; else None.\n"
    "\n"
    "Example:\n"
    "    >>> db = laminardb.open()\n"
    "    >>> _ = db.execute(\"CREATE TABLE t (k BIGINT); CREATE STREAM n AS SELECT k, "
    "count(*) AS n FROM t GROUP BY k\")\n"
    "    >>> db.start()\n"
    "    >>> _ = db.insert(\"t\", {\"k\": 1})\n"
    "    >>> changes = db.subscribe_stream(\"n\")\n"
    "    >>> _ = db.execute(\"DELETE FROM t\")\n"
    "    >>> changes.next().deleted.fetchall()\n"
    "    [(1, 1)]";

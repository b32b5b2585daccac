/* SPDX-License-Identifier: Apache-2.0 */
/* docs.h - the docstrings of what the extension makes public. */
#ifndef LAMINAR_PYTHON_DOCS_H
#define LAMINAR_PYTHON_DOCS_H

extern const char ext_doc_insert[];
extern const char ext_doc_flush[];
extern const char ext_doc_cancel_query[];
extern const char ext_doc_complete[];
extern const char ext_doc_sql_tokens[];
extern const char ext_doc_start[];
extern const char ext_doc_pause[];
extern const char ext_doc_resume[];
extern const char ext_doc_shutdown[];
extern const char ext_doc_close[];
extern const char ext_doc_is_closed[];
extern const char ext_doc_pipeline_state[];
extern const char ext_doc_in_transaction[];
extern const char ext_doc_try_next[];
extern const char ext_doc_next[];
extern const char ext_doc_next_timeout[];
extern const char ext_doc_cancel[];
extern const char ext_doc_lag[];
extern const char ext_doc_dropped[];
extern const char ext_doc_fetchall[];
extern const char ext_doc_fetchone[];
extern const char ext_doc_fetchmany[];
extern const char ext_doc_num_rows[];
extern const char ext_doc_num_columns[];
extern const char ext_doc_num_batches[];
extern const char ext_doc_columns[];
extern const char ext_doc_position[];
extern const char ext_doc_deleted[];

#endif

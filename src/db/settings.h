/* SPDX-License-Identifier: Apache-2.0 */
/* settings.h - the settings of a database: one table (settings.def) for SET, RESET, SHOW and the
 * options of open. Each does what it says from the moment it is set. */
#ifndef LAMINAR_DB_SETTINGS_H
#define LAMINAR_DB_SETTINGS_H

#include "db/internal.h"
#include "type/type.h"

/* What is in force now; choices as text. With or without the token. */
value       setting_value(const laminar_database *db, int32_t at);
const char *setting_name(int32_t at);
value       setting_default(const laminar_database *db, int32_t at); /* what RESET goes back to */
const char *setting_description(int32_t at);
const char *setting_effect(int32_t at); /* when a change takes effect */
/* ERR_INVALID_ARGUMENT names the nearest. */
bool setting_exists(text name);
/* plan_env.setting: what is in force, of limits too. */
status  setting_current(value *out, const void *db, text name, int32_t position, error *err);
status  setting_find(int32_t *at, text name, int32_t position, error *err) MUST_USE;
int64_t settings_memory_limit(void); /* where nothing is said */
/* Defaults, and what the options of open say; before anything else runs. */
void settings_init(laminar_database *db, const laminar_options *options);
/* The engine is there, and learns what it keeps of them. */
void settings_started(laminar_database *db);
/* The texts of the options. */
status settings_take_texts(laminar_database *db, const laminar_options *options,
                           error *err) MUST_USE;
void   settings_fini(laminar_database *db);

#endif

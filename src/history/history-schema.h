/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * How the history looks in the database, version by version.
 */
#pragma once

#include <sqlite3.h>

/* What this program writes; PRAGMA user_version of the file. */
#define HISTORY_SCHEMA_VERSION 4

/**
 * history_schema_prepare() - bring a database to our version
 *
 * Each step is one transaction: a process that dies in the middle leaves the version before it.
 * Returns: an SQLite result code; SQLITE_SCHEMA if a newer program wrote it: nothing was changed then.
 */
int history_schema_prepare(sqlite3 *database);

/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Tells the journal what the engine tells its observers: lines in upstream's grammar, typed fields and
 * message ids on top, one event id through all of them.
 */
#pragma once

#include "src/basic/cleanup.h"
#include "src/engine/engine.h"

typedef struct JournalRecord JournalRecord;

/* Subscribes; must be freed after the engine. */
int journal_record_new(Engine *engine, JournalRecord **ret_record);
JournalRecord *journal_record_free(JournalRecord *journal);
DEFINE_CLEANUP(JournalRecord, journal_record_free)

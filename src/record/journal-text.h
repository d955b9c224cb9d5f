/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The sentences of the journal, without the journal: pure, so that tests can read them.
 */
#pragma once

#include "src/action/job.h"
#include "src/filesystem/filesystem.h"
#include "src/model/decision.h"

#define JOURNAL_TEXT_SIZE 1024

/* "/srv agno 0x0 finobt": the subject and the target, as upstream's lines begin. Each returns @buffer. */
char *journal_text_object(const Filesystem *filesystem, const char *target, char buffer[static JOURNAL_TEXT_SIZE]);
/* "/srv agno 0x0 finobt: baseline decides repair (observed only)" */
char *journal_text_decision(const Filesystem *filesystem, const Decision *decision, const HealthEvent *event,
                            char buffer[static JOURNAL_TEXT_SIZE]);
/* "/srv agno 0x0 finobt: Repairs successful." */
char *journal_text_job(const Filesystem *filesystem, const Job *job, char buffer[static JOURNAL_TEXT_SIZE]);
/* "/srv: another program listens here: xfs_healer, process 812", by the state of its monitor. */
char *journal_text_monitor(const Filesystem *filesystem, char buffer[static JOURNAL_TEXT_SIZE]);
/* "repair, notify (denied: protect: usb)" */
char *journal_text_actions(const Decision *decision, char buffer[static JOURNAL_TEXT_SIZE]);

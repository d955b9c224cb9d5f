/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Values of the pipeline -> bus types. What goes into broadcast signals holds no file names: the functions
 * here see to it themselves.
 *
 * All functions return 0 or a negative errno of the message.
 */
#pragma once

#include <systemd/sd-bus.h>

#include "src/action/job.h"
#include "src/filesystem/filesystem.h"
#include "src/model/decision.h"
#include "src/model/health-event.h"

/* "s", made valid with bus_text_clean(); NULL is "". */
int bus_append_text(sd_bus_message *message, const char *text);
/* "ay": the bytes of a path and the NUL byte that ends it, because paths need not be UTF-8. */
int bus_append_path(sd_bus_message *message, const char *path);
/* "a(ssstts)" */
int bus_append_conditions(sd_bus_message *message, const Filesystem *filesystem);

/* One entry of an open a{sv}. */
int bus_entry_text(sd_bus_message *message, const char *key, const char *text);
int bus_entry_path(sd_bus_message *message, const char *key, const char *path);
int bus_entry_u64(sd_bus_message *message, const char *key, uint64_t value);
int bus_entry_u32(sd_bus_message *message, const char *key, uint32_t value);
int bus_entry_bool(sd_bus_message *message, const char *key, bool value);

/* Of an open a{sv}: mount and device; nothing for NULL. */
int bus_append_filesystem_names(sd_bus_message *message, const Filesystem *filesystem);

/* The line of the journal, without the path of the inode. Returns @buffer. */
char *bus_event_text(const HealthEvent *event, const Filesystem *filesystem, char buffer[static EVENT_TEXT_SIZE]);

/* Whole a{sv} of the signals Event, Decision and ActionTaken. @filesystem NULL: none, or gone. */
/* @n_signals: that this one stands for; 0 or 1: itself; @n_reports: of all of them. */
int bus_append_event(sd_bus_message *message, const HealthEvent *event, const Filesystem *filesystem,
                     uint64_t n_signals, uint64_t n_reports);
int bus_append_decision(sd_bus_message *message, const Decision *decision, const Filesystem *filesystem,
                        uint64_t n_signals);
int bus_append_job(sd_bus_message *message, const Job *job, const Filesystem *filesystem);
/* The a{sv} of an ActionTaken that nothing carried out. @decision and @event may be NULL. */
int bus_append_refusal(sd_bus_message *message, const char *why, const Decision *decision, const HealthEvent *event,
                       const Filesystem *filesystem, uint64_t n_signals);
/* The a{sv} of WorkloadWillFail and WorkloadFailed. @filesystem NULL: gone. */
int bus_append_workloads(sd_bus_message *message, const Job *job, const Filesystem *filesystem);
/* Of an open a{sv}: what everybody may know of a unit or container. */
int bus_append_workload_names(sd_bus_message *message, const WorkloadReport *report);
/* "as": the words of a decision's actions, in order. */
int bus_append_action_words(sd_bus_message *message, const Decision *decision);

#define BUS_TARGET_SIZE EVENT_TEXT_SIZE

/* "agno 0x0 finobt": what a job works on; "" for a whole file system. A caller's job has no event that says so. */
const char *bus_job_target(const Job *job, char buffer[static BUS_TARGET_SIZE]);
/* The job's own sentence if it may be read by everybody, else the outcome's. Borrowed. */
const char *bus_job_detail(const Job *job, const Filesystem *filesystem);

/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The broadcast signals of Manager1. Everybody on the machine can read them: no file names, no owners. What cannot
 * be sent is counted in BusContext.n_signals_dropped, never waited for.
 */
#pragma once

#include "src/bus/bus-context.h"

/* Messages that wait because the bus does not read; sd-bus alone would keep hundreds of thousands of them. */
#define BUS_SIGNALS_QUEUED_MAX 4096

/* Is there a bus, and are fewer than @n_max messages waiting in our queue? If not it is counted. */
bool bus_signal_has_room_below(BusContext *context, uint64_t n_max);
bool bus_signal_has_room(BusContext *context);
/* It could not be sent: counted. */
void bus_signal_dropped(BusContext *context, const char *member, int r);

void bus_signal_event(BusContext *context, const HealthEvent *event, const Filesystem *filesystem);
void bus_signal_decision(BusContext *context, const Decision *decision, const HealthEvent *event,
                         const Filesystem *filesystem);
void bus_signal_action_taken(BusContext *context, const Job *job, const Filesystem *filesystem);
/* A step that was decided and is not carried out: an ActionTaken without a job. */
void bus_signal_action_refused(BusContext *context, ActionKind action, const char *why, const Decision *decision,
                               const HealthEvent *event, const Filesystem *filesystem);
/* @message NULL: the event's own text. */
void bus_signal_notice(BusContext *context, Severity severity, const char *message, const HealthEvent *event,
                       const Filesystem *filesystem);
/* Who is going to be failed or frozen, and when; then what became of that, also if nothing was done after all. */
void bus_signal_workload_will_fail(BusContext *context, const Job *job, const Filesystem *filesystem);
void bus_signal_workload_failed(BusContext *context, const Job *job, const Filesystem *filesystem);
void bus_signal_silence_changed(BusContext *context, const char *id, bool is_set);
void bus_signal_policy_reloaded(BusContext *context, bool is_loaded);
/* Completed of a Job1 object. */
void bus_signal_job_completed(BusContext *context, const BusJob *object, const Filesystem *filesystem);

/* InterfacesAdded and InterfacesRemoved of the object manager. */
void bus_signal_object_added(BusContext *context, const char *path, const char *interface);
void bus_signal_object_removed(BusContext *context, const char *path, const char *interface);

/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A hold ends with its mark, which is removed here; the drop-in, which does nothing without it, is removed by a child.
 */
#include "src/worker/hold.h"

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "src/basic/clock.h"
#include "src/basic/log.h"
#include "src/basic/message-ids.h"
#include "src/basic/text.h"
#include "src/worker/hold-place.h"
#include "src/worker/runtime-folder.h"
#include "src/worker/unit-mark.h"

#define SWEEP_TIMEOUT_USEC USEC_PER_MINUTE
#define SWEEP_AGAIN_USEC (10 * USEC_PER_SEC)

typedef struct Hold {
        WorkerHold mark;
        TAILQ_ENTRY(Hold) entry;
} Hold;

struct HoldTable {
        TAILQ_HEAD(, Hold) holds;
        sd_event_source *end_source;    /* timer: the first whose time is over */
        sd_event_source *sweep_source;  /* timer: once more */
        bool is_sweeping, is_wanted_again;
};

static void set_timer(Worker *worker);

static HoldTable *table_of(Worker *worker) {
        if (!worker->holds) {
                worker->holds = calloc(1, sizeof(*worker->holds));
                if (worker->holds)
                        TAILQ_INIT(&worker->holds->holds);
        }
        return worker->holds;
}

static Hold *find(const HoldTable *table, const char *unit) {
        Hold *hold;

        TAILQ_FOREACH(hold, &table->holds, entry)
                if (text_equal(hold->mark.unit, unit))
                        return hold;
        return NULL;
}

static void say(Worker *worker, const WorkerHold *mark, bool is_over) {
        WorkerMessage message = {};

        worker_message_init(&message, WORKER_HOLD);
        message.hold = *mark;
        message.hold.is_over = is_over;
        worker_say(worker, &message, -EBADF);
}

static void log_hold(const WorkerHold *mark, bool is_over) {
        char uuid[UUID_TEXT_SIZE];
        LogRecord record;

        log_record_begin(&record, LOG_NOTICE, MESSAGE_UNIT_HELD);
        log_record_field(&record, "OBJECT_SYSTEMD_UNIT", "%s", mark->unit);
        log_record_field(&record, "XFS_HEALER_UNIT", "%s", mark->unit);
        log_record_field(&record, "XFS_HEALER_JOB", "%" PRIu64, mark->job_id);
        if (mark->rule_id[0])
                log_record_field(&record, "XFS_HEALER_RULE", "%s", mark->rule_id);
        if (mark->has_uuid)
                log_record_field(&record, "XFS_HEALER_FS_UUID", "%s", uuid_format(mark->uuid, uuid));
        if (is_over)
                log_record_send(&record, "%s may be started again", mark->unit);
        else
                log_record_send(&record, "%s is kept from being started, because a file system that it used is sick "
                                         "(job %" PRIu64 "%s%s)", mark->unit, mark->job_id,
                                mark->rule_id[0] ? ", rule " : "", mark->rule_id);
}

static void forget(HoldTable *table, Hold *hold) {
        TAILQ_REMOVE(&table->holds, hold, entry);
        free(hold);
}

/* Drop-ins */

static int sweep_in_child(int report_fd, void *userdata) {
        const Worker *worker = userdata;

        (void) report_fd;
        return hold_sweep(worker->options.runtime_dir) < 0;
}

static void sweep(Worker *worker);

static int on_sweep_time(_unused_ sd_event_source *source, _unused_ uint64_t usec, void *userdata) {
        sweep(userdata);
        return 0;
}

static void sweep_later(Worker *worker) {
        HoldTable *table = worker->holds;

        table->sweep_source = sd_event_source_disable_unref(table->sweep_source);
        (void) sd_event_add_time_relative(worker->event, &table->sweep_source, CLOCK_BOOTTIME, SWEEP_AGAIN_USEC,
                                          USEC_PER_SEC, on_sweep_time, worker);
}

static void on_sweep_end(_unused_ Child *child, const ChildEnd *end, void *userdata) {
        Worker *worker = userdata;
        HoldTable *table = worker->holds;
        bool is_wanted_again = table->is_wanted_again;

        table->is_sweeping = table->is_wanted_again = false;
        if (is_wanted_again)
                sweep(worker);
        else if (end->ending != CHILD_EXITED || end->status != 0)
                sweep_later(worker);
}

static void sweep(Worker *worker) {
        HoldTable *table = worker->holds;
        ChildTask task = {
                .name = "unhold",
                .run = sweep_in_child,
                .on_end = on_sweep_end,
                .userdata = worker,
                .timeout_usec = SWEEP_TIMEOUT_USEC,
                .dies_with_us = true,
        };

        if (table->is_sweeping)
                table->is_wanted_again = true;
        else if (child_spawn(worker->children, &task, NULL) < 0)
                sweep_later(worker);
        else
                table->is_sweeping = true;
}

/* Marks */

static void lift(Worker *worker, Hold *hold) {
        _cleanup_(close_fd_at) int marks_fd = runtime_folder_open(worker->options.runtime_dir, UNIT_MARKS_HELD);
        int r;

        r = marks_fd < 0 ? marks_fd : unit_mark_remove(marks_fd, hold->mark.unit);
        if (r < 0 && r != -ENOENT) {
                log_error_errno(r, "%s cannot be let go: %m", hold->mark.unit);
                return;
        }
        log_hold(&hold->mark, true);
        say(worker, &hold->mark, true);
        forget(worker->holds, hold);
        sweep(worker);
}

static int on_end_time(_unused_ sd_event_source *source, _unused_ uint64_t usec, void *userdata) {
        Worker *worker = userdata;
        uint64_t now_usec = clock_boottime_usec();

        for (Hold *hold = TAILQ_FIRST(&worker->holds->holds), *next; hold; hold = next) {
                next = TAILQ_NEXT(hold, entry);
                if (hold->mark.until_boottime_usec <= now_usec)
                        lift(worker, hold);
        }
        set_timer(worker);
        return 0;
}

static void set_timer(Worker *worker) {
        HoldTable *table = worker->holds;
        uint64_t first_usec = USEC_INFINITY;
        const Hold *hold;
        int r;

        TAILQ_FOREACH(hold, &table->holds, entry)
                first_usec = min_of(first_usec, hold->mark.until_boottime_usec);
        table->end_source = sd_event_source_disable_unref(table->end_source);
        if (first_usec == USEC_INFINITY)
                return;
        r = sd_event_add_time(worker->event, &table->end_source, CLOCK_BOOTTIME, first_usec, USEC_PER_MSEC * 100,
                              on_end_time, worker);
        if (r < 0)
                log_error_errno(r, "no timer for the end of a hold: %m");
}

static void take_mark(const WorkerHold *mark, void *userdata) {
        Worker *worker = userdata;
        Hold *hold = find(worker->holds, mark->unit);

        if (hold && memcmp(&hold->mark, mark, sizeof(*mark)) == 0)
                return;
        if (!hold) {
                hold = calloc(1, sizeof(*hold));
                if (!hold) {
                        log_error("%s is held, but there is no memory to remember its end", mark->unit);
                        return;
                }
                TAILQ_INSERT_TAIL(&worker->holds->holds, hold, entry);
        }
        hold->mark = *mark;
        log_hold(mark, false);
        say(worker, mark, false);
}

void hold_look(Worker *worker) {
        _cleanup_(close_fd_at) int marks_fd = -EBADF;

        if (!table_of(worker))
                return;
        marks_fd = runtime_folder_open(worker->options.runtime_dir, UNIT_MARKS_HELD);
        if (marks_fd < 0)
                return;
        (void) unit_marks_each(marks_fd, take_mark, worker);
        set_timer(worker);
}

void hold_adopt(Worker *worker) {
        hold_look(worker);
        if (worker->holds)
                sweep(worker);
}

void hold_say_all(Worker *worker) {
        const Hold *hold;

        if (worker->holds)
                TAILQ_FOREACH(hold, &worker->holds->holds, entry)
                        say(worker, &hold->mark, false);
}

void hold_lift(Worker *worker, const char *unit) {
        Hold *hold = worker->holds ? find(worker->holds, unit) : NULL;
        WorkerHold none = {};

        if (hold) {
                lift(worker, hold);
                set_timer(worker);
                return;
        }
        (void) text_copy(none.unit, sizeof(none.unit), unit);
        say(worker, &none, true);
}

void hold_clear(Worker *worker) {
        Hold *hold;

        if (!worker->holds)
                return;
        while ((hold = TAILQ_FIRST(&worker->holds->holds)))
                forget(worker->holds, hold);
        sd_event_source_disable_unref(worker->holds->end_source);
        sd_event_source_disable_unref(worker->holds->sweep_source);
        free(worker->holds);
        worker->holds = NULL;
}

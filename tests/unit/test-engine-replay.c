/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A recording instead of a worker goes through the whole pipeline: all of it is decided about, and nothing is done.
 */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "src/basic/clock.h"
#include "src/engine/engine-internal.h"

#define DEVICE_NUMBER 0x701
#define RECORDS 3

typedef struct Replay {
        bool is_replayed;
        unsigned n_sick, n_other, n_decisions;
} Replay;

static void on_event(void *userdata, const HealthEvent *event, const Filesystem *filesystem, const char *path,
                     _unused_ const EventFacts *facts) {
        uint64_t until = clock_monotonic_usec() + 2 * WORK_TURN_USEC;
        Replay *replay = userdata;

        (void) path;
        assert_non_null(filesystem);
        if (event->kind == EVENT_SICK)
                replay->n_sick++;
        else
                replay->n_other++;
        /* However long it takes to tell one. */
        while (clock_monotonic_usec() < until)
                ;
}

static void on_decision(void *userdata, const Decision *decision, const HealthEvent *event,
                        const Filesystem *filesystem) {
        Replay *replay = userdata;

        (void) filesystem;
        assert_int_equal(decision->event_id, event->id);
        replay->n_decisions++;
}

static void on_replayed(void *userdata, int error) {
        Replay *replay = userdata;

        assert_int_equal(error, 0);
        replay->is_replayed = true;
}

static void write_stream(const char *path) {
        _cleanup_(record_stream_free_at) RecordStream *stream = NULL;
        /* AG, SICK, finobt, group 0: the kernel's own form */
        uint8_t record[HEALTH_RECORD_SIZE] = { [0] = 2, [4] = 3, [16] = 0x80 };
        WorkerMessage message;

        assert_int_equal(record_stream_create(path, &stream), 0);
        worker_message_init(&message, WORKER_FILESYSTEM);
        message.filesystem.device_number = DEVICE_NUMBER;
        message.filesystem.monitor_state = MONITOR_OPENED;
        message.filesystem.autofsck_state = FACT_KNOWN;
        message.filesystem.autofsck = AUTOFSCK_REPAIR;
        strcpy(message.filesystem.type, "xfs");
        record_stream_write_message(stream, 77, &message);
        worker_message_init(&message, WORKER_MOUNT_ADDED);
        message.mount.device_number = DEVICE_NUMBER;
        message.mount.mount_id = 5;
        strcpy(message.mount.mount_point, "/recorded");
        record_stream_write_message(stream, 77, &message);
        for (uint8_t i = 0; i < RECORDS; i++) {
                record[20] = i;
                record_stream_write_record(stream, 77, record);
        }
}

/* With the policy of today: there is no file, so the baseline decides. */
static void test_decided_and_not_done(void **state) {
        char folder[] = "/tmp/healer-replay-XXXXXX", path[64];
        Replay replay = {};
        EngineOptions options = {
                .worker_fd = -EBADF,
                .policy.root_directory = folder,
                .replay_path = path,
                .on_replayed = on_replayed,
                .userdata = &replay,
        };
        const EngineObserver observer = { .on_event = on_event, .on_decision = on_decision, .userdata = &replay };
        const Filesystem *filesystem;
        sd_event *event = NULL;
        Engine *engine = NULL;

        (void) state;
        assert_non_null(mkdtemp(folder));
        (void) snprintf(path, sizeof(path), "%s/stream", folder);
        write_stream(path);
        assert_int_equal(sd_event_new(&event), 0);
        assert_int_equal(engine_new(event, &options, &engine), 0);
        assert_int_equal(engine_add_observer(engine, &observer), 0);
        assert_int_equal(engine_start(engine), 0);
        while (!replay.is_replayed)
                assert_true(sd_event_run(event, 30 * USEC_PER_SEC) > 0);
        assert_int_equal(replay.n_sick, RECORDS);
        assert_int_equal(replay.n_other, 0);
        assert_int_equal(replay.n_decisions, RECORDS);
        assert_null(job_queue_next(engine_jobs(engine), NULL));
        /* Its monitor is not there, and that is no news. */
        filesystem = filesystem_table_find_device(engine_filesystems(engine), DEVICE_NUMBER);
        assert_non_null(filesystem);
        assert_null(condition_find(&filesystem->conditions, CONDITION_NOT_WATCHED, ""));

        engine_free(engine);
        sd_event_unref(event);
        assert_int_equal(unlink(path), 0);
        assert_int_equal(rmdir(folder), 0);
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_decided_and_not_done),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}

/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Conditions that survive: what the engine has kept and removed, what comes back when its file system is watched again
 * or mounted anew, and what does not. A table plays the keeper, a pipe the monitor.
 */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "src/basic/clock.h"
#include "src/basic/text.h"
#include "src/engine/engine-internal.h"
#include "src/filesystem/condition-record.h"
#include "tests/unit/fake-worker.h"

#define DEVICE_NUMBER 0x701
#define MONITOR_NUMBER 12
#define UUID_A "01234567-89ab-cdef-0123-456789abcdef"
#define UUID_B "11111111-89ab-cdef-0123-456789abcdef"
#define SICK "sick/agno 0x1 finobt"
#define STORE_MAX (ENGINE_CONDITIONS_WAITING_MAX + 64)

typedef struct Stored {
        char key[CONDITION_KEY_SIZE];
        char *value;
} Stored;

typedef struct Setup {
        sd_event *event;
        Engine *engine;
        FakeWorker worker;
        int pipe[2];
        int ring_fd;
        Stored *store;
        size_t n_stored;
        unsigned n_puts, n_removes;
        unsigned n_sick, n_raised, n_back, n_back_stale, n_told_back;
} Setup;

bool __wrap_health_monitor_fd_is_monitor(int fd);

bool __wrap_health_monitor_fd_is_monitor(int fd) {
        return fd >= 0;
}

static Stored *stored_find(Setup *s, const char *key) {
        for (size_t i = 0; i < s->n_stored; i++)
                if (text_equal(s->store[i].key, key))
                        return s->store + i;
        return NULL;
}

static void store_remove(void *userdata, const char *key) {
        Setup *s = userdata;
        Stored *stored = stored_find(s, key);

        s->n_removes++;
        if (!stored)
                return;
        free(stored->value);
        *stored = s->store[--s->n_stored];
}

static void store_put(void *userdata, const char *key, const void *value, size_t size_bytes) {
        Setup *s = userdata;
        Stored *stored = stored_find(s, key);

        s->n_puts++;
        if (!stored) {
                assert_true(s->n_stored < STORE_MAX);
                stored = s->store + s->n_stored++;
                assert_int_equal(text_copy(stored->key, sizeof(stored->key), key), 0);
                stored->value = NULL;
        }
        free(stored->value);
        stored->value = strndup(value, size_bytes);
}

/* "condition/UUID/REST" in the store; NULL if it is not there. */
static const char *kept(Setup *s, const char *uuid, const char *rest) {
        char key[CONDITION_KEY_SIZE];
        Stored *stored;

        (void) snprintf(key, sizeof(key), CONDITION_KEY_PREFIX "%s/%s", uuid, rest);
        stored = stored_find(s, key);
        return stored ? stored->value : NULL;
}

static void on_worker_message(void *userdata, const WorkerMessage *message, int fd) {
        Setup *s = userdata;
        WorkerMessage answer;

        (void) fd;
        if (message->header.type == WORKER_GATHER) {
                worker_message_init(&answer, WORKER_GATHERED);
                answer.gathered.request_id = message->gather.request_id;
                answer.gathered.device_number = message->gather.device_number;
                answer.gathered.autofsck_state = FACT_KNOWN;
                answer.gathered.autofsck = AUTOFSCK_NONE;
                fake_worker_say(&s->worker, &answer, -EBADF);
        } else if (message->header.type == WORKER_REPAIR || message->header.type == WORKER_SCRUB) {
                bool is_repair = message->header.type == WORKER_REPAIR;

                worker_message_init(&answer, WORKER_JOB_RESULT);
                answer.result.job_id = is_repair ? message->repair.job_id : message->scrub.job_id;
                answer.result.device_number = is_repair ? message->repair.device_number : message->scrub.device_number;
                answer.result.outcome = OUTCOME_DONE;
                fake_worker_say(&s->worker, &answer, -EBADF);
        }
}

static void on_event(void *userdata, const HealthEvent *event, const Filesystem *filesystem, const char *path,
                     _unused_ const EventFacts *facts) {
        (void) filesystem;
        (void) path;
        ((Setup *) userdata)->n_sick += event->kind == EVENT_SICK;
}

static void on_condition(void *userdata, const HealthCondition *condition, bool is_raised,
                         const Filesystem *filesystem) {
        (void) condition;
        (void) filesystem;
        ((Setup *) userdata)->n_raised += is_raised;
}

static void on_conditions_back(void *userdata, const Filesystem *filesystem, size_t n, size_t n_stale) {
        Setup *s = userdata;

        assert_true(n > 0 && filesystem->conditions.n_items >= n);
        s->n_told_back++;
        s->n_back += (unsigned) n;
        s->n_back_stale += (unsigned) n_stale;
}

static void run_quiet(Setup *s) {
        while (sd_event_run(s->event, 0) > 0)
                ;
}

static void start(Setup *s) {
        EngineOptions options = {
                .policy.root_directory = "/nonexistent",
                .state_keeper = { store_put, store_remove, s },
        };
        const EngineObserver observer = {
                .on_event = on_event,
                .on_condition = on_condition,
                .on_conditions_back = on_conditions_back,
                .userdata = s,
        };

        fake_worker_init(&s->worker, s->event, &options.worker_fd);
        s->worker.on_message = on_worker_message;
        s->worker.userdata = s;
        if (s->ring_fd >= 0)
                assert_int_equal(record_ring_open(fcntl(s->ring_fd, F_DUPFD_CLOEXEC, 3), &options.ring), 0);
        assert_int_equal(engine_new(s->event, &options, &s->engine), 0);
        assert_int_equal(engine_add_observer(s->engine, &observer), 0);
        assert_int_equal(engine_start(s->engine), 0);
}

static void connect_worker(Setup *s) {
        while (!engine_worker_is_connected(s->engine))
                assert_true(sd_event_run(s->event, 30 * USEC_PER_SEC) > 0);
        run_quiet(s);
}

/* As the daemon does it with what the recorder tells. */
static void load(Setup *s) {
        Stored rows[8];
        size_t n = s->n_stored;

        assert_true(n <= ELEMENTSOF(rows));
        memcpy(rows, s->store, n * sizeof(*rows));
        for (size_t i = 0; i < n; i++) {
                _cleanup_(free_at) char *value = strdup(rows[i].value);

                (void) engine_adopt_state(s->engine, rows[i].key, value, strlen(value));
        }
        engine_state_loaded(s->engine);
        s->n_puts = s->n_removes = 0;
}

static void stop(Setup *s) {
        s->engine = engine_free(s->engine);
        fake_worker_done(&s->worker);
        s->n_raised = s->n_back = s->n_back_stale = s->n_told_back = s->n_sick = 0;
}

static void new_monitor(Setup *s) {
        close_fd(s->pipe[0]);
        close_fd(s->pipe[1]);
        assert_int_equal(pipe2(s->pipe, O_NONBLOCK|O_CLOEXEC), 0);
}

static int setup(void **state) {
        static Setup s;

        s = (Setup) { .ring_fd = -EBADF, .pipe = { -EBADF, -EBADF } };
        s.store = calloc(STORE_MAX, sizeof(*s.store));
        assert_non_null(s.store);
        assert_int_equal(sd_event_new(&s.event), 0);
        new_monitor(&s);
        start(&s);
        connect_worker(&s);
        *state = &s;
        return 0;
}

static int teardown(void **state) {
        Setup *s = *state;

        stop(s);
        sd_event_unref(s->event);
        close_fd(s->pipe[0]);
        close_fd(s->pipe[1]);
        close_fd(s->ring_fd);
        for (size_t i = 0; i < s->n_stored; i++)
                free(s->store[i].value);
        free(s->store);
        return 0;
}

typedef struct Told {
        dev_t device_number;
        const char *uuid;               /* NULL: none */
        const char *type, *device;
        bool has_no_monitor;
} Told;

static const Told first = { DEVICE_NUMBER, UUID_A, "xfs", "/dev/loop1", false };

static void tell_mount(Setup *s, dev_t device_number, WorkerMessageType type) {
        WorkerMessage message;

        worker_message_init(&message, type);
        message.mount.device_number = device_number;
        message.mount.mount_id = device_number;
        message.mount.is_whole = 1;
        strcpy(message.mount.mount_point, "/srv");
        fake_worker_say(&s->worker, &message, -EBADF);
        run_quiet(s);
}

/* @is_new: with a monitor that the worker opened; else the one that was adopted. */
static void tell(Setup *s, const Told *told, bool is_new) {
        WorkerMessage message;

        worker_message_init(&message, WORKER_FILESYSTEM);
        message.filesystem.device_number = told->device_number;
        message.filesystem.monitor_state = told->has_no_monitor ? MONITOR_UNSUPPORTED : MONITOR_OPENED;
        message.filesystem.uuid_state = told->uuid ? FACT_KNOWN : FACT_ABSENT;
        if (told->uuid)
                assert_int_equal(uuid_parse(told->uuid, message.filesystem.uuid), 0);
        message.filesystem.autofsck_state = FACT_KNOWN;
        message.filesystem.autofsck = AUTOFSCK_NONE;
        strcpy(message.filesystem.type, told->type);
        strcpy(message.filesystem.device, told->device);
        fake_worker_say(&s->worker, &message, is_new && !told->has_no_monitor ? s->pipe[0] : -EBADF);
        tell_mount(s, told->device_number, WORKER_MOUNT_ADDED);
}

static Filesystem *filesystem_of(Setup *s, dev_t device_number) {
        Filesystem *filesystem = filesystem_table_find_device(engine_filesystems(s->engine), device_number);

        assert_non_null(filesystem);
        return filesystem;
}

static const HealthCondition *condition_of(Setup *s, ConditionCode code, const char *target) {
        return condition_find(&filesystem_of(s, DEVICE_NUMBER)->conditions, code, target);
}

static void take(Setup *s, dev_t device_number, EventKind kind) {
        const HealthEvent event = {
                .filesystem_id = filesystem_of(s, device_number)->id,
                .kind = kind,
                .domain = kind == EVENT_SHUTDOWN ? DOMAIN_MOUNT :
                          kind == EVENT_FILESYSTEM_ERROR ? DOMAIN_FS : DOMAIN_AG,
                .structure = kind == EVENT_SICK || kind == EVENT_HEALTHY ? STRUCTURE_AG_FINOBT : STRUCTURE_NONE,
                .group = 1,
                .count = 1,
                .time_realtime_nsec = clock_realtime_usec() * NSEC_PER_USEC,
        };

        engine_take_event(s->engine, &event);
        run_quiet(s);
}

/* The kernel lets go of it. */
static void unmount(Setup *s) {
        s->pipe[1] = close_fd(s->pipe[1]);
        while (filesystem_table_find_device(engine_filesystems(s->engine), DEVICE_NUMBER))
                assert_true(sd_event_run(s->event, 30 * USEC_PER_SEC) > 0);
        run_quiet(s);
        new_monitor(s);
}

/* This healerd ends without a word, and the next one is handed the monitor. */
static void kill_and_adopt(Setup *s) {
        close_fd(s->ring_fd);
        s->ring_fd = fcntl(record_ring_fd(s->engine->ring), F_DUPFD_CLOEXEC, 3);
        stop(s);
        start(s);
        assert_int_equal(engine_adopt_monitor(s->engine, fcntl(s->pipe[0], F_DUPFD_CLOEXEC, 3), DEVICE_NUMBER,
                                              MONITOR_NUMBER, true), 0);
        connect_worker(s);
}

/* The machine starts anew: nothing but the store is left. */
static void reboot(Setup *s) {
        s->ring_fd = close_fd(s->ring_fd);
        stop(s);
        new_monitor(s);
        start(s);
        connect_worker(s);
}

static void put_row(Setup *s, const char *uuid, const char *rest, const char *value) {
        char key[CONDITION_KEY_SIZE];

        (void) snprintf(key, sizeof(key), CONDITION_KEY_PREFIX "%s/%s", uuid, rest);
        store_put(s, key, value, strlen(value));
}

static void test_kept_and_removed(void **state) {
        Setup *s = *state;

        load(s);
        tell(s, &first, true);
        assert_int_equal(s->n_stored, 0);
        take(s, DEVICE_NUMBER, EVENT_SICK);
        assert_int_equal(s->n_stored, 1);
        assert_non_null(kept(s, UUID_A, SICK));
        assert_true(text_starts_with(kept(s, UUID_A, SICK), "1 error "));
        assert_true(text_ends_with(kept(s, UUID_A, SICK), " open\nthis structure is damaged"));
        take(s, DEVICE_NUMBER, EVENT_SICK);
        assert_int_equal(s->n_puts, 1);
        take(s, DEVICE_NUMBER, EVENT_HEALTHY);
        assert_int_equal(s->n_stored, 0);
}

/* Killed and adopted: it is open, as if nothing had happened. Told in both orders. */
static void test_killed(void **state) {
        Setup *s = *state;
        const HealthCondition *condition;

        put_row(s, UUID_A, SICK, "1 error 1000 42 open\nmessage");
        for (unsigned i = 0; i < 2; i++) {
                kill_and_adopt(s);
                if (i == 0)
                        load(s);
                assert_int_equal(s->n_told_back, 0); /* nobody knows yet which one it is */
                tell(s, &first, false);
                if (i == 1)
                        load(s);
                condition = condition_of(s, CONDITION_SICK, "agno 0x1 finobt");
                assert_non_null(condition);
                assert_int_equal(condition->since_realtime_usec, 1000);
                assert_int_equal(condition->event_id, 42);
                assert_int_equal(condition->severity, SEVERITY_ERROR);
                assert_string_equal(condition->message, "message");
                assert_false(condition->is_stale);
                assert_int_equal(s->n_raised, 0);
                assert_int_equal(s->n_told_back, 1);
                assert_int_equal(s->n_back, 1);
                assert_int_equal(s->n_back_stale, 0);
                assert_int_equal(filesystem_of(s, DEVICE_NUMBER)->first_bad_realtime_usec, 1000);
                assert_string_equal(kept(s, UUID_A, SICK), "1 error 1000 42 open\nmessage");
        }
        /* And clears as any other. */
        take(s, DEVICE_NUMBER, EVENT_HEALTHY);
        assert_null(condition_of(s, CONDITION_SICK, "agno 0x1 finobt"));
        assert_int_equal(s->n_stored, 0);
}

static void test_rebooted(void **state) {
        Setup *s = *state;
        const HealthCondition *condition;

        put_row(s, UUID_A, SICK, "1 error 1000 42 open\nthis structure is damaged");
        reboot(s);
        load(s);
        tell(s, &first, true);
        condition = condition_of(s, CONDITION_SICK, "agno 0x1 finobt");
        assert_non_null(condition);
        assert_true(condition->is_stale);
        assert_int_equal(s->n_back_stale, 1);
        assert_string_equal(kept(s, UUID_A, SICK), "1 error 1000 42 stale\nthis structure is damaged");

        /* Stale it stays, also for a healerd that adopts this mount. */
        kill_and_adopt(s);
        load(s);
        tell(s, &first, false);
        assert_true(condition_of(s, CONDITION_SICK, "agno 0x1 finobt")->is_stale);

        /* Seen again: open, and as old as it is. */
        take(s, DEVICE_NUMBER, EVENT_SICK);
        condition = condition_of(s, CONDITION_SICK, "agno 0x1 finobt");
        assert_false(condition->is_stale);
        assert_int_equal(condition->since_realtime_usec, 1000);
        assert_int_equal(s->n_raised, 1);
        assert_string_equal(kept(s, UUID_A, SICK), "1 error 1000 42 open\nthis structure is damaged");
}

static void test_unmounted_and_mounted(void **state) {
        Setup *s = *state;
        const Told elsewhere = { DEVICE_NUMBER, UUID_A, "xfs", "/dev/loop9", false };

        load(s);
        tell(s, &first, true);
        take(s, DEVICE_NUMBER, EVENT_SICK);
        take(s, DEVICE_NUMBER, EVENT_SHUTDOWN);
        assert_non_null(kept(s, UUID_A, "shut-down/"));
        unmount(s);
        assert_true(text_ends_with(kept(s, UUID_A, SICK), " stale\nthis structure is damaged"));
        assert_null(kept(s, UUID_A, "shut-down/")); /* that was true of the mount alone */
        assert_int_equal(s->n_stored, 1);

        tell(s, &elsewhere, true);
        assert_true(condition_of(s, CONDITION_SICK, "agno 0x1 finobt")->is_stale);
        assert_null(condition_of(s, CONDITION_SHUT_DOWN, ""));
        assert_false(filesystem_of(s, DEVICE_NUMBER)->is_shut_down);
        assert_int_equal(s->n_back, 1);
        take(s, DEVICE_NUMBER, EVENT_HEALTHY);
        assert_int_equal(s->n_stored, 0);
        unmount(s);
        tell(s, &elsewhere, true);
        assert_int_equal(filesystem_of(s, DEVICE_NUMBER)->conditions.n_items, 0);
}

static void test_shut_down_while_healerd_is_killed(void **state) {
        Setup *s = *state;

        put_row(s, UUID_A, "shut-down/", "1 critical 1000 42 open\nmessage");
        kill_and_adopt(s);
        load(s);
        tell(s, &first, false);
        assert_false(condition_of(s, CONDITION_SHUT_DOWN, "")->is_stale);
        assert_true(filesystem_of(s, DEVICE_NUMBER)->is_shut_down);

        reboot(s);
        load(s);
        tell(s, &first, true);
        assert_null(condition_of(s, CONDITION_SHUT_DOWN, ""));
        assert_false(filesystem_of(s, DEVICE_NUMBER)->is_shut_down);
        assert_int_equal(s->n_stored, 0);
}

/* Raised, and cleared, before anybody has told what was kept. */
static void test_before_it_was_loaded(void **state) {
        Setup *s = *state;
        const char old[] = "1 error 1000 42 open\nolder message";
        const HealthCondition *condition;

        tell(s, &first, true);
        take(s, DEVICE_NUMBER, EVENT_SICK);
        assert_int_equal(s->n_puts, 0);
        assert_int_equal(engine_adopt_state(s->engine, CONDITION_KEY_PREFIX UUID_A "/" SICK, old, strlen(old)), 0);
        engine_state_loaded(s->engine);
        condition = condition_of(s, CONDITION_SICK, "agno 0x1 finobt");
        assert_int_equal(condition->since_realtime_usec, 1000);
        assert_int_equal(condition->event_id, 42);
        assert_string_equal(condition->message, "this structure is damaged");
        assert_false(condition->is_stale);
        assert_string_equal(kept(s, UUID_A, SICK), "1 error 1000 42 open\nthis structure is damaged");

        /* The keeper is told of what is well, also if we do not know that it was not. */
        reboot(s);
        s->n_removes = 0;
        tell(s, &first, true);
        take(s, DEVICE_NUMBER, EVENT_HEALTHY);
        assert_true(s->n_removes > 0);
        assert_null(kept(s, UUID_A, SICK));

        /* Raised and unmounted before. */
        take(s, DEVICE_NUMBER, EVENT_SICK);
        unmount(s);
        assert_int_equal(s->n_stored, 0);
        engine_state_loaded(s->engine);
        assert_true(text_ends_with(kept(s, UUID_A, SICK), " stale\nthis structure is damaged"));
}

/* A full check found nothing: whatever was kept of it is over, also what is told later. */
static void test_checked_before_it_was_loaded(void **state) {
        const char old[] = "1 error 1000 42 open\nold";
        Setup *s = *state;
        CallerOrder order = { .action = ACTION_SCRUB };
        char *denied = NULL;
        Job *job;

        tell(s, &first, true);
        order.filesystem = filesystem_of(s, DEVICE_NUMBER);
        assert_int_equal(engine_order(s->engine, &order, &job, &denied), 1);
        run_quiet(s);
        put_row(s, UUID_A, SICK, old);
        put_row(s, UUID_A, "data-lost/", old);
        load(s);
        assert_null(condition_of(s, CONDITION_SICK, "agno 0x1 finobt"));
        assert_null(kept(s, UUID_A, SICK));
        assert_non_null(condition_of(s, CONDITION_DATA_LOST, ""));
        assert_int_equal(s->n_stored, 1);
}

/* A check that succeeds clears what came back, too. */
static void test_check_clears(void **state) {
        Setup *s = *state;
        CallerOrder order = { .action = ACTION_SCRUB };
        char *denied = NULL;
        Job *job;

        put_row(s, UUID_A, SICK, "1 error 1000 42 open\nold");
        put_row(s, UUID_A, "events-lost/", "1 warning 1000 42 open\nold");
        load(s);
        tell(s, &first, true);
        assert_int_equal(filesystem_of(s, DEVICE_NUMBER)->conditions.n_items, 2);
        order.filesystem = filesystem_of(s, DEVICE_NUMBER);
        assert_int_equal(engine_order(s->engine, &order, &job, &denied), 1);
        run_quiet(s);
        assert_int_equal(filesystem_of(s, DEVICE_NUMBER)->conditions.n_items, 0);
        /* That it was checked. */
        assert_int_equal(s->n_stored, 1);
        assert_non_null(stored_find(s, "checked/" UUID_A));
}

/* Those of rules: their names are in the store alone. */
static void test_of_rules(void **state) {
        const char target[] = "mine agno 0x1 finobt";
        Setup *s = *state;
        const HealthCondition *condition;

        load(s);
        tell(s, &first, true);
        engine_raise(s->engine, filesystem_of(s, DEVICE_NUMBER), CONDITION_RULE, SEVERITY_ALERT, target, "look", 42);
        engine_raise(s->engine, filesystem_of(s, DEVICE_NUMBER), CONDITION_RULE, SEVERITY_INFO, "mine", "a note", 43);
        assert_int_equal(s->n_stored, 2);
        assert_true(text_ends_with(kept(s, UUID_A, "rule/mine agno 0x1 finobt"), " 42 open\nlook"));

        kill_and_adopt(s);
        load(s);
        tell(s, &first, false);
        condition = condition_of(s, CONDITION_RULE, target);
        assert_non_null(condition);
        assert_int_equal(condition->severity, SEVERITY_ALERT);
        assert_int_equal(condition->event_id, 42);
        assert_string_equal(condition->message, "look");
        assert_false(condition->is_stale);
        assert_int_equal(s->n_back, 2);

        take(s, DEVICE_NUMBER, EVENT_HEALTHY);
        assert_null(condition_of(s, CONDITION_RULE, target));
        assert_null(kept(s, UUID_A, "rule/mine agno 0x1 finobt"));
        assert_non_null(condition_of(s, CONDITION_RULE, "mine"));
        unmount(s);
        assert_true(text_ends_with(kept(s, UUID_A, "rule/mine"), " 43 stale\na note"));
        tell(s, &first, true);
        assert_true(condition_of(s, CONDITION_RULE, "mine")->is_stale);
        assert_int_equal(s->n_stored, 1);
}

/* A structure was found healthy before anybody told that a rule had said something of it. */
static void test_of_rules_before_it_was_loaded(void **state) {
        Setup *s = *state;

        tell(s, &first, true);
        take(s, DEVICE_NUMBER, EVENT_HEALTHY);
        /* Also if nothing was told at first, and a folder came later. */
        engine_state_loaded(s->engine);
        put_row(s, UUID_A, "rule/mine agno 0x1 finobt", "1 alert 1000 42 open\nlook");
        put_row(s, UUID_A, "rule/yours agno 0x1 finobt", "1 alert 1000 42 open\nlook");
        put_row(s, UUID_A, "rule/mine agno 0x2 finobt", "1 alert 1000 42 open\nlook");
        put_row(s, UUID_A, "rule/mine", "1 alert 1000 42 open\nlook");
        load(s);
        assert_int_equal(filesystem_of(s, DEVICE_NUMBER)->conditions.n_items, 2);
        assert_non_null(condition_of(s, CONDITION_RULE, "mine agno 0x2 finobt"));
        assert_non_null(condition_of(s, CONDITION_RULE, "mine"));
        assert_int_equal(s->n_stored, 2);
        assert_null(kept(s, UUID_A, "rule/yours agno 0x1 finobt"));
}

/* Not more of them are remembered than that. */
static void test_many_were_healed(void **state) {
        Setup *s = *state;
        HealthEvent event = {
                .kind = EVENT_HEALTHY, .domain = DOMAIN_AG, .structure = STRUCTURE_AG_FINOBT, .count = 1,
        };

        tell(s, &first, true);
        event.filesystem_id = filesystem_of(s, DEVICE_NUMBER)->id;
        for (event.group = 0; event.group <= ENGINE_HEALED_MAX; event.group++) {
                engine_take_event(s->engine, &event);
                run_quiet(s);
        }
        assert_int_equal(engine_watch_find(s->engine, event.filesystem_id)->n_healed, ENGINE_HEALED_MAX);
        put_row(s, UUID_A, "rule/mine agno 0x0 finobt", "1 alert 1000 42 open\nlook");
        put_row(s, UUID_A, "rule/mine agno 0x1 finobt", "1 alert 1000 42 open\nlook");
        load(s);
        assert_non_null(condition_of(s, CONDITION_RULE, "mine agno 0x0 finobt"));
        assert_null(condition_of(s, CONDITION_RULE, "mine agno 0x1 finobt"));
}

/* The first that is mounted has them. */
static void test_clone(void **state) {
        Setup *s = *state;
        const Told clone = { DEVICE_NUMBER + 1, UUID_A, "xfs", "/dev/loop2", true };

        put_row(s, UUID_A, SICK, "1 error 1000 42 open\nold");
        load(s);
        tell(s, &first, true);
        tell(s, &clone, true);
        assert_int_equal(filesystem_of(s, clone.device_number)->conditions.n_items, 0);
        take(s, clone.device_number, EVENT_SICK);
        take(s, clone.device_number, EVENT_HEALTHY);
        assert_int_equal(filesystem_of(s, DEVICE_NUMBER)->conditions.n_items, 1);
        assert_string_equal(kept(s, UUID_A, SICK), "1 error 1000 42 stale\nold");

        /* Not in its place either, when the first goes. */
        take(s, clone.device_number, EVENT_SICK);
        unmount(s);
        tell(s, &clone, true);
        assert_string_equal(kept(s, UUID_A, SICK), "1 error 1000 42 stale\nold");
        tell_mount(s, clone.device_number, WORKER_MOUNT_GONE);
        assert_string_equal(kept(s, UUID_A, SICK), "1 error 1000 42 stale\nold");
        assert_int_equal(s->n_stored, 1);
}

static void test_without_uuid(void **state) {
        Setup *s = *state;
        const Told nameless = { DEVICE_NUMBER, NULL, "xfs", "/dev/loop1", false };

        load(s);
        tell(s, &nameless, true);
        take(s, DEVICE_NUMBER, EVENT_SICK);
        assert_int_equal(filesystem_of(s, DEVICE_NUMBER)->conditions.n_items, 1);
        assert_int_equal(s->n_stored, 0);
        /* It is told later. */
        tell(s, &first, false);
        assert_non_null(kept(s, UUID_A, SICK));
        unmount(s);
        assert_int_equal(s->n_stored, 1);
}

/* tune2fs -U */
static void test_another_uuid(void **state) {
        Setup *s = *state;
        const Told renamed = { DEVICE_NUMBER, UUID_B, "xfs", "/dev/loop1", false };

        put_row(s, UUID_B, "data-lost/", "1 critical 1000 42 open\nold");
        load(s);
        tell(s, &first, true);
        take(s, DEVICE_NUMBER, EVENT_SICK);
        tell(s, &renamed, false);
        assert_null(kept(s, UUID_A, SICK));
        assert_non_null(kept(s, UUID_B, SICK));
        assert_non_null(condition_of(s, CONDITION_DATA_LOST, ""));
}

/* What was found of one that has come back was not dealt with in this run. */
static void test_survey_tells_it_again(void **state) {
        Setup *s = *state;
        WorkerMessage message;

        put_row(s, UUID_A, SICK, "1 error 1000 42 open\nold");
        load(s);
        tell(s, &first, true);
        worker_message_init(&message, WORKER_SURVEY_RESULT);
        message.survey_result.device_number = DEVICE_NUMBER;
        message.survey_result.is_last = true;
        message.survey_result.n_findings = 1;
        message.survey_result.findings[0] = (SickFinding) {
                .domain = DOMAIN_AG, .structure = STRUCTURE_AG_FINOBT, .group = 1,
        };
        for (unsigned i = 0; i < 2; i++) {
                fake_worker_say(&s->worker, &message, -EBADF);
                run_quiet(s);
                assert_int_equal(s->n_sick, 1);
        }
        assert_false(condition_of(s, CONDITION_SICK, "agno 0x1 finobt")->is_stale);
}

/* What is true of a moment or a mount is not kept longer than that. */
static void test_lives(void **state) {
        Setup *s = *state;
        const Told ext4 = { DEVICE_NUMBER, UUID_A, "ext4", "/dev/loop1", true };
        WorkerMessage message;

        load(s);
        tell(s, &ext4, true);
        take(s, DEVICE_NUMBER, EVENT_FILESYSTEM_ERROR);
        assert_int_equal(s->n_stored, 1);
        assert_non_null(kept(s, UUID_A, "filesystem-error/"));
        tell_mount(s, DEVICE_NUMBER, WORKER_MOUNT_GONE);
        assert_int_equal(filesystem_table_count(engine_filesystems(s->engine)), 0);
        assert_int_equal(s->n_stored, 0);

        worker_message_init(&message, WORKER_FILESYSTEM);
        message.filesystem.device_number = DEVICE_NUMBER;
        message.filesystem.monitor_state = MONITOR_FAILED;
        message.filesystem.error = EIO;
        message.filesystem.uuid_state = FACT_KNOWN;
        strcpy(message.filesystem.type, "xfs");
        strcpy(message.filesystem.device, "/dev/loop1");
        fake_worker_say(&s->worker, &message, -EBADF);
        tell_mount(s, DEVICE_NUMBER, WORKER_MOUNT_ADDED);
        assert_non_null(condition_of(s, CONDITION_NOT_WATCHED, ""));
        assert_int_equal(s->n_stored, 0);
}

/* The disk that an earlier mount was called by may be another one today. */
static void test_offline_commands_are_for_this_device(void **state) {
        Setup *s = *state;
        const HealthCondition *condition;

        put_row(s, UUID_A, "offline-repair-required/agno 0x1 finobt",
                "1 critical 1000 42 open\nit cannot be repaired online; to repair it offline: umount /mnt && "
                "xfs_repair -n /dev/sda1 (looks only), then xfs_repair /dev/sda1");
        load(s);
        tell(s, &first, true);
        condition = condition_of(s, CONDITION_OFFLINE_REPAIR_REQUIRED, "agno 0x1 finobt");
        assert_non_null(condition);
        assert_string_equal(condition->message,
                            "it cannot be repaired online; to repair it offline: xfs_repair -n /dev/loop1 (looks "
                            "only), then xfs_repair /dev/loop1");
}

static void test_too_many_wait(void **state) {
        enum { N = ENGINE_CONDITIONS_WAITING_MAX + 10 };
        Setup *s = *state;

        for (unsigned i = 0; i < N; i++) {
                char rest[64], value[64], key[CONDITION_KEY_SIZE];

                (void) snprintf(rest, sizeof(rest), "sick/ino %u", i);
                (void) snprintf(value, sizeof(value), "1 error %u 42 open\nmessage", 1000 + i);
                put_row(s, i == 3 ? UUID_A : UUID_B, rest, value);
                (void) snprintf(key, sizeof(key), CONDITION_KEY_PREFIX "%s/%s", i == 3 ? UUID_A : UUID_B, rest);
                assert_int_equal(engine_adopt_state(s->engine, key, value, strlen(value)), 0);
        }
        /* One of them is for a file system that is there, and does not wait. */
        tell(s, &first, true);
        engine_state_loaded(s->engine);
        assert_non_null(condition_of(s, CONDITION_SICK, "ino 3"));
        assert_int_equal(engine_totals(s->engine)->n_conditions_forgotten, 9);
        assert_int_equal(s->engine->n_waiting_conditions, ENGINE_CONDITIONS_WAITING_MAX);
        assert_int_equal(s->n_stored, N - 9);
        /* Those that began first are gone, from the store as well. */
        assert_null(kept(s, UUID_B, "sick/ino 9"));
        assert_non_null(kept(s, UUID_A, "sick/ino 3"));
        assert_non_null(kept(s, UUID_B, "sick/ino 10"));
}

static void test_nonsense(void **state) {
        Setup *s = *state;

        store_put(s, "tomorrow/x", "x", 1);
        put_row(s, UUID_A, "well/x", "1 error 1000 42 open\nmessage");
        put_row(s, UUID_A, SICK, "2 of another version");
        put_row(s, UUID_A, "data-lost/", "1 nonsense");
        load(s);
        tell(s, &first, true);
        assert_int_equal(filesystem_of(s, DEVICE_NUMBER)->conditions.n_items, 0);
        /* What a newer healerd keeps is its own. */
        assert_non_null(stored_find(s, "tomorrow/x"));
        assert_non_null(kept(s, UUID_A, SICK));
        assert_int_equal(s->n_stored, 2);
        assert_int_equal(engine_adopt_state(s->engine, "tomorrow/x", "x", 1), -ENOENT);
}

#define TEST(function) cmocka_unit_test_setup_teardown(function, setup, teardown)

int main(void) {
        const struct CMUnitTest tests[] = {
                TEST(test_kept_and_removed),
                TEST(test_killed),
                TEST(test_rebooted),
                TEST(test_unmounted_and_mounted),
                TEST(test_shut_down_while_healerd_is_killed),
                TEST(test_before_it_was_loaded),
                TEST(test_checked_before_it_was_loaded),
                TEST(test_check_clears),
                TEST(test_of_rules),
                TEST(test_of_rules_before_it_was_loaded),
                TEST(test_many_were_healed),
                TEST(test_clone),
                TEST(test_without_uuid),
                TEST(test_another_uuid),
                TEST(test_survey_tells_it_again),
                TEST(test_lives),
                TEST(test_offline_commands_are_for_this_device),
                TEST(test_too_many_wait),
                TEST(test_nonsense),
        };

        return cmocka_run_group_tests_name("kept-conditions", tests, NULL, NULL);
}

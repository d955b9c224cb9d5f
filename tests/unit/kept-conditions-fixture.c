/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "tests/unit/kept-conditions-fixture.h"

bool __wrap_health_monitor_fd_is_monitor(int fd);

bool __wrap_health_monitor_fd_is_monitor(int fd) {
        return fd >= 0;
}

Stored *stored_find(Setup *s, const char *key) {
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

void store_put(void *userdata, const char *key, const void *value, size_t size_bytes) {
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
const char *kept(Setup *s, const char *uuid, const char *rest) {
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

void run_quiet(Setup *s) {
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
void load(Setup *s) {
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

int setup(void **state) {
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

int teardown(void **state) {
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


const Told first = { DEVICE_NUMBER, UUID_A, "xfs", "/dev/loop1", false };

void tell_mount(Setup *s, dev_t device_number, WorkerMessageType type) {
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
void tell(Setup *s, const Told *told, bool is_new) {
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

Filesystem *filesystem_of(Setup *s, dev_t device_number) {
        Filesystem *filesystem = filesystem_table_find_device(engine_filesystems(s->engine), device_number);

        assert_non_null(filesystem);
        return filesystem;
}

const HealthCondition *condition_of(Setup *s, ConditionCode code, const char *target) {
        return condition_find(&filesystem_of(s, DEVICE_NUMBER)->conditions, code, target);
}

void take(Setup *s, dev_t device_number, EventKind kind) {
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
void unmount(Setup *s) {
        s->pipe[1] = close_fd(s->pipe[1]);
        while (filesystem_table_find_device(engine_filesystems(s->engine), DEVICE_NUMBER))
                assert_true(sd_event_run(s->event, 30 * USEC_PER_SEC) > 0);
        run_quiet(s);
        new_monitor(s);
}

/* This healerd ends without a word, and the next one is handed the monitor. */
void kill_and_adopt(Setup *s) {
        close_fd(s->ring_fd);
        s->ring_fd = fcntl(record_ring_fd(s->engine->ring), F_DUPFD_CLOEXEC, 3);
        stop(s);
        start(s);
        assert_int_equal(engine_adopt_monitor(s->engine, fcntl(s->pipe[0], F_DUPFD_CLOEXEC, 3), DEVICE_NUMBER,
                                              MONITOR_NUMBER, true), 0);
        connect_worker(s);
}

/* The machine starts anew: nothing but the store is left. */
void reboot(Setup *s) {
        s->ring_fd = close_fd(s->ring_fd);
        stop(s);
        new_monitor(s);
        start(s);
        connect_worker(s);
}

void put_row(Setup *s, const char *uuid, const char *rest, const char *value) {
        char key[CONDITION_KEY_SIZE];

        (void) snprintf(key, sizeof(key), CONDITION_KEY_PREFIX "%s/%s", uuid, rest);
        store_put(s, key, value, strlen(value));
}

/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * See survey-fixture.h.
 */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <fcntl.h>
#include <stdio.h>
#include <string.h>

#include "kernel/xfs-abi.h"
#include "src/basic/clock.h"
#include "src/basic/file.h"
#include "src/basic/sealed-memory.h"
#include "tests/unit/survey-fixture.h"

bool __wrap_health_monitor_fd_is_monitor(int fd);

bool __wrap_health_monitor_fd_is_monitor(int fd) {
        return fd >= 0;
}

void answer_job(Setup *s, uint64_t job_id) {
        WorkerMessage message;

        worker_message_init(&message, WORKER_JOB_RESULT);
        message.result.job_id = job_id;
        message.result.device_number = DEVICE_NUMBER;
        message.result.outcome = (uint8_t) s->outcome;
        fake_worker_say(&s->worker, &message, -EBADF);
}

static void answer_gather(Setup *s, const WorkerGatherRequest *request) {
        _cleanup_(close_fd_at) int names_fd = -EBADF;
        WorkerMessage message;

        worker_message_init(&message, WORKER_GATHERED);
        message.gathered.request_id = request->request_id;
        message.gathered.device_number = request->device_number;
        message.gathered.autofsck_state = s->is_property_unknown ? FACT_UNKNOWN : FACT_KNOWN;
        s->n_gathers++;
        message.gathered.autofsck = (uint8_t) s->autofsck;
        message.gathered.is_read_only = s->is_read_only ? TRISTATE_YES : TRISTATE_NO;
        if (request->is_lost)
                message.gathered.mode = s->mode;
        if (request->wants_path && s->names) {
                size_t first = strlen(s->names) + 1;

                message.gathered.path_state = FACT_KNOWN;
                strcpy(message.gathered.path, s->names);
                if (request->is_lost && s->names_size > first) {
                        names_fd = sealed_memory_new("test");
                        assert_int_equal(file_write_all(names_fd, s->names + first, s->names_size - first), 0);
                        assert_int_equal(sealed_memory_seal(names_fd), 0);
                }
        }
        fake_worker_say(&s->worker, &message, names_fd);
}

static void on_worker_message(void *userdata, const WorkerMessage *message, int fd) {
        Setup *s = userdata;

        if (s->on_message && s->on_message(s, message, fd))
                return;
        if (message->header.type == WORKER_SURVEY) {
                assert_true(s->n_requests < REQUESTS_MAX);
                s->n_with_monitor += fd >= 0;
                s->requested_usec[s->n_requests] = clock_monotonic_usec();
                s->requests[s->n_requests++] = message->survey;
        } else if (message->header.type == WORKER_SURVEY_CANCEL) {
                assert_true(s->n_cancelled < REQUESTS_MAX);
                s->cancelled[s->n_cancelled++] = message->survey_cancel.request_id;
        } else if (message->header.type == WORKER_GATHER)
                answer_gather(s, &message->gather);
        else if (message->header.type == WORKER_REPAIR) {
                s->n_repairs++;
                assert_true(s->n_repairs <= REQUESTS_MAX);
                s->targets[s->n_repairs - 1] = message->repair.target;
                s->last_target = message->repair.target;
                s->last_job_id = message->repair.job_id;
                s->last_is_forced = message->repair.is_forced;
                if (!s->are_repairs_slow)
                        answer_job(s, message->repair.job_id);
        } else if (message->header.type == WORKER_SCRUB) {
                s->n_scrubs++;
                answer_job(s, message->scrub.job_id);
        }
}

static void on_event(void *userdata, const HealthEvent *event, const Filesystem *filesystem, const char *path,
                     _unused_ const EventFacts *facts) {
        Setup *s = userdata;

        (void) filesystem;
        assert_true(s->n_events < ELEMENTSOF(s->events));
        s->paths[s->n_events][0] = 0;
        if (path)
                strcpy(s->paths[s->n_events], path);
        s->events[s->n_events++] = *event;
}

static void on_job(void *userdata, Job *job, const Filesystem *filesystem) {
        Setup *s = userdata;

        (void) filesystem;
        if (job->state != JOB_ENDED)
                return;
        s->n_jobs_ended++;
        if (job->request.kind == ACTION_SURVEY) {
                s->survey_outcome = job->report.outcome;
                strcpy(s->survey_detail, job->report.detail);
        }
}

void run_quiet(Setup *s) {
        /* Longer than decisions rest. */
        while (sd_event_run(s->event, 200 * USEC_PER_MSEC) > 0)
                ;
}

void run_until_requests(Setup *s, size_t n) {
        while (s->n_requests < n)
                assert_true(sd_event_run(s->event, 30 * USEC_PER_SEC) > 0);
        run_quiet(s);
        assert_int_equal(s->n_requests, n);
}

void run_until_jobs_ended(Setup *s, unsigned n) {
        while (s->n_jobs_ended < n)
                assert_true(sd_event_run(s->event, 30 * USEC_PER_SEC) > 0);
        run_quiet(s);
}

void tell_filesystem(Setup *s, dev_t device_number, int monitor_fd) {
        WorkerMessage message;

        worker_message_init(&message, WORKER_FILESYSTEM);
        message.filesystem.device_number = device_number;
        message.filesystem.monitor_state = monitor_fd >= 0 ? MONITOR_OPENED : MONITOR_UNSUPPORTED;
        message.filesystem.autofsck_state = FACT_KNOWN;
        message.filesystem.autofsck = s->autofsck;
        message.filesystem.uuid_state = s->has_uuid ? FACT_KNOWN : FACT_UNKNOWN;
        message.filesystem.has_parent_pointers = s->has_parent_pointers;
        strcpy(message.filesystem.type, "xfs");
        strcpy(message.filesystem.device, "/dev/loop1");
        fake_worker_say(&s->worker, &message, monitor_fd);

        worker_message_init(&message, WORKER_MOUNT_ADDED);
        message.mount.device_number = device_number;
        message.mount.mount_id = device_number;
        message.mount.is_whole = 1;
        strcpy(message.mount.mount_point, "/srv");
        fake_worker_say(&s->worker, &message, -EBADF);
        run_quiet(s);
}

WorkerMessage prepare_result(const WorkerSurveyRequest *request) {
        WorkerMessage message;

        memset(&message, 0, sizeof(message));
        worker_message_init(&message, WORKER_SURVEY_RESULT);
        message.survey_result.device_number = request ? request->device_number : DEVICE_NUMBER;
        message.survey_result.request_id = request ? request->request_id : 0;
        message.survey_result.is_last = true;
        message.survey_result.n_groups = 4;
        return message;
}

void answer(Setup *s, const WorkerSurveyRequest *request, int error) {
        WorkerMessage message = prepare_result(request);

        message.survey_result.error = error;
        fake_worker_say(&s->worker, &message, -EBADF);
        run_quiet(s);
}

void answer_groups(Setup *s, const WorkerSurveyRequest *request, const uint32_t *groups, size_t n, bool is_last) {
        WorkerMessage message = prepare_result(request);

        for (size_t i = 0; i < n; i++)
                message.survey_result.findings[i] = (SickFinding) {
                        .domain = DOMAIN_AG, .structure = STRUCTURE_AG_FINOBT, .group = groups[i],
                };
        message.survey_result.n_findings = (uint32_t) n;
        message.survey_result.is_last = is_last;
        fake_worker_say(&s->worker, &message, -EBADF);
        run_quiet(s);
}

void queue_record(Setup *s, uint32_t domain, uint32_t type, uint32_t mask, uint32_t group) {
        const struct abi_xfs_health_monitor_event record = {
                .domain = domain,
                .type = type,
                .time_ns = 1,
                .e.group = { .mask = mask, .gno = group },
        };

        assert_int_equal(write(s->pipe[1], &record, sizeof(record)), sizeof(record));
        run_quiet(s);
}

void lose_reports(Setup *s) {
        /* A count of one in its low half. */
        queue_record(s, ABI_XFS_HEALTH_MONITOR_DOMAIN_MOUNT, ABI_XFS_HEALTH_MONITOR_TYPE_LOST, 1, 0);
}

size_t count_events(const Setup *s, EventKind kind, EventSource source) {
        size_t n = 0;

        for (size_t i = 0; i < s->n_events; i++)
                n += s->events[i].kind == kind && s->events[i].source == source;
        return n;
}

Filesystem *the_filesystem(Setup *s) {
        Filesystem *filesystem = filesystem_table_find_device(engine_filesystems(s->engine), DEVICE_NUMBER);

        assert_non_null(filesystem);
        return filesystem;
}

void load_policy(Setup *s, const char *text) {
        char path[128];

        (void) snprintf(path, sizeof(path), "%s/etc/xfs_healer/policy.yaml", s->root);
        assert_int_equal(file_write_atomic(path, text, strlen(text), 0644), 0);
        assert_int_equal(engine_reload_policy(s->engine), 0);
}

int survey_setup(void **state) {
        static Setup s;
        EngineOptions options = { .worker_fd = -EBADF, .policy.root_directory = s.root, .worker_socket = s.socket };
        const EngineObserver observer = { .on_event = on_event, .on_job = on_job, .userdata = &s };
        char path[128];

        s = (Setup) {
                .autofsck = AUTOFSCK_NONE,
                .survey_outcome = OUTCOME_NOT_NEEDED,
                .outcome = OUTCOME_DONE,
        };
        strcpy(s.root, "/tmp/healer-survey-XXXXXX");
        assert_non_null(mkdtemp(s.root));
        (void) snprintf(path, sizeof(path), "mkdir -p %s/etc/xfs_healer", s.root);
        assert_int_equal(system(path), 0);
        (void) snprintf(s.socket, sizeof(s.socket), "%s/socket", s.root);
        assert_int_equal(sd_event_new(&s.event), 0);
        assert_int_equal(pipe2(s.pipe, O_NONBLOCK|O_CLOEXEC), 0);
        fake_worker_listen(&s.worker, s.event, s.socket);
        s.worker.on_message = on_worker_message;
        s.worker.userdata = &s;
        assert_int_equal(engine_new(s.event, &options, &s.engine), 0);
        assert_int_equal(engine_add_observer(s.engine, &observer), 0);
        assert_int_equal(engine_start(s.engine), 0);
        while (!engine_worker_is_connected(s.engine))
                assert_true(sd_event_run(s.event, 30 * USEC_PER_SEC) > 0);
        *state = &s;
        return 0;
}

int survey_teardown(void **state) {
        Setup *s = *state;
        char command[128];

        engine_free(s->engine);
        fake_worker_done(&s->worker);
        sd_event_unref(s->event);
        close_fd(s->pipe[0]);
        close_fd(s->pipe[1]);
        (void) snprintf(command, sizeof(command), "rm -rf %s", s->root);
        return system(command);
}

void attach_and_be_asked(Setup *s) {
        uint64_t began_usec = clock_monotonic_usec();

        tell_filesystem(s, DEVICE_NUMBER, s->pipe[0]);
        run_until_requests(s, 1);
        assert_true(s->requested_usec[0] - began_usec >= USEC_PER_SEC);
}

void attach_and_answer(Setup *s) {
        attach_and_be_asked(s);
        answer(s, s->requests, 0);
}

void unmount_and_mount(Setup *s) {
        close_fd(s->pipe[1]);
        run_quiet(s);
        assert_null(filesystem_table_find_device(engine_filesystems(s->engine), DEVICE_NUMBER));
        close_fd(s->pipe[0]);
        assert_int_equal(pipe2(s->pipe, O_NONBLOCK|O_CLOEXEC), 0);
        tell_filesystem(s, DEVICE_NUMBER, s->pipe[0]);
}

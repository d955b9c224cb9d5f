/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * When the kernel is asked what it knows to be sick, and what becomes of the answers. A pipe plays the monitor, the test the
 * worker.
 */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "kernel/health-monitor.h"
#include "kernel/xfs-abi.h"
#include "src/basic/clock.h"
#include "src/basic/file.h"
#include "src/engine/engine-internal.h"
#include "tests/unit/fake-worker.h"

#define DEVICE_NUMBER 0x701
#define REQUESTS_MAX 16

typedef struct Setup {
        sd_event *event;
        Engine *engine;
        FakeWorker worker;
        char root[64], socket[96];
        int pipe[2];
        Autofsck autofsck;

        WorkerSurveyRequest requests[REQUESTS_MAX];     /* all that were asked for */
        size_t n_requests, n_with_monitor;
        uint64_t cancelled[REQUESTS_MAX];
        size_t n_cancelled;
        unsigned n_repairs, n_scrubs;
        bool are_repairs_slow;          /* they are answered by the test */
        uint64_t last_job_id;
        RepairTarget last_target;

        HealthEvent events[32];
        size_t n_events;
        Outcome survey_outcome;
        char survey_detail[JOB_DETAIL_SIZE];
        unsigned n_jobs_ended;
} Setup;

bool __wrap_health_monitor_fd_is_monitor(int fd);

bool __wrap_health_monitor_fd_is_monitor(int fd) {
        return fd >= 0;
}

static void answer_job(Setup *s, uint64_t job_id) {
        WorkerMessage message;

        worker_message_init(&message, WORKER_JOB_RESULT);
        message.result.job_id = job_id;
        message.result.device_number = DEVICE_NUMBER;
        message.result.outcome = OUTCOME_DONE;
        fake_worker_say(&s->worker, &message, -EBADF);
}

static void answer_gather(Setup *s, const WorkerGatherRequest *request) {
        WorkerMessage message;

        worker_message_init(&message, WORKER_GATHERED);
        message.gathered.request_id = request->request_id;
        message.gathered.device_number = request->device_number;
        message.gathered.autofsck_state = FACT_KNOWN;
        message.gathered.autofsck = (uint8_t) s->autofsck;
        message.gathered.is_read_only = TRISTATE_NO;
        fake_worker_say(&s->worker, &message, -EBADF);
}

static void on_worker_message(void *userdata, const WorkerMessage *message, int fd) {
        Setup *s = userdata;

        if (message->header.type == WORKER_SURVEY) {
                assert_true(s->n_requests < REQUESTS_MAX);
                s->n_with_monitor += fd >= 0;
                s->requests[s->n_requests++] = message->survey;
        } else if (message->header.type == WORKER_SURVEY_CANCEL) {
                assert_true(s->n_cancelled < REQUESTS_MAX);
                s->cancelled[s->n_cancelled++] = message->survey_cancel.request_id;
        } else if (message->header.type == WORKER_GATHER)
                answer_gather(s, &message->gather);
        else if (message->header.type == WORKER_REPAIR) {
                s->n_repairs++;
                s->last_target = message->repair.target;
                s->last_job_id = message->repair.job_id;
                if (!s->are_repairs_slow)
                        answer_job(s, message->repair.job_id);
        } else if (message->header.type == WORKER_SCRUB) {
                s->n_scrubs++;
                answer_job(s, message->scrub.job_id);
        }
}

static void on_event(void *userdata, const HealthEvent *event, const Filesystem *filesystem, const char *path) {
        Setup *s = userdata;

        (void) filesystem;
        (void) path;
        assert_true(s->n_events < ELEMENTSOF(s->events));
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

/* Everything runs on one loop: what is not ready now never will be without somebody doing something, or time passing. */
static void run_quiet(Setup *s) {
        while (sd_event_run(s->event, 0) > 0)
                ;
}

static void run_until_requests(Setup *s, size_t n) {
        while (s->n_requests < n)
                assert_true(sd_event_run(s->event, 30 * USEC_PER_SEC) > 0);
        run_quiet(s);
        assert_int_equal(s->n_requests, n);
}

static void tell_filesystem(Setup *s, dev_t device_number, int monitor_fd) {
        WorkerMessage message;

        worker_message_init(&message, WORKER_FILESYSTEM);
        message.filesystem.device_number = device_number;
        message.filesystem.monitor_state = monitor_fd >= 0 ? MONITOR_OPENED : MONITOR_UNSUPPORTED;
        message.filesystem.autofsck_state = FACT_KNOWN;
        message.filesystem.autofsck = AUTOFSCK_REPAIR;
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

static WorkerMessage prepare_result(const WorkerSurveyRequest *request) {
        WorkerMessage message;

        memset(&message, 0, sizeof(message));
        worker_message_init(&message, WORKER_SURVEY_RESULT);
        message.survey_result.device_number = request ? request->device_number : DEVICE_NUMBER;
        message.survey_result.request_id = request ? request->request_id : 0;
        message.survey_result.is_last = true;
        message.survey_result.n_groups = 4;
        return message;
}

static void answer(Setup *s, const WorkerSurveyRequest *request, int error) {
        WorkerMessage message = prepare_result(request);

        message.survey_result.error = error;
        fake_worker_say(&s->worker, &message, -EBADF);
        run_quiet(s);
}

static void answer_groups(Setup *s, const WorkerSurveyRequest *request, const uint32_t *groups, size_t n, bool is_last) {
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

static void queue_record(Setup *s, uint32_t domain, uint32_t type, uint32_t mask, uint32_t group) {
        const struct abi_xfs_health_monitor_event record = {
                .domain = domain,
                .type = type,
                .time_ns = 1,
                .e.group = { .mask = mask, .gno = group },
        };

        assert_int_equal(write(s->pipe[1], &record, sizeof(record)), sizeof(record));
        run_quiet(s);
}

static void lose_reports(Setup *s) {
        /* A count of one in its low half. */
        queue_record(s, ABI_XFS_HEALTH_MONITOR_DOMAIN_MOUNT, ABI_XFS_HEALTH_MONITOR_TYPE_LOST, 1, 0);
}

static size_t count_events(const Setup *s, EventKind kind, EventSource source) {
        size_t n = 0;

        for (size_t i = 0; i < s->n_events; i++)
                n += s->events[i].kind == kind && s->events[i].source == source;
        return n;
}

static Filesystem *the_filesystem(Setup *s) {
        Filesystem *filesystem = filesystem_table_find_device(engine_filesystems(s->engine), DEVICE_NUMBER);

        assert_non_null(filesystem);
        return filesystem;
}

static void load_policy(Setup *s, const char *text) {
        char path[128];

        (void) snprintf(path, sizeof(path), "%s/etc/xfs_healer/policy.yaml", s->root);
        assert_int_equal(file_write_atomic(path, text, strlen(text), 0644), 0);
        assert_int_equal(engine_reload_policy(s->engine), 0);
}

static int setup(void **state) {
        static Setup s;
        EngineOptions options = { .worker_fd = -EBADF, .policy.root_directory = s.root, .worker_socket = s.socket };
        const EngineObserver observer = { .on_event = on_event, .on_job = on_job, .userdata = &s };
        char path[128];

        s = (Setup) { .autofsck = AUTOFSCK_NONE, .survey_outcome = OUTCOME_NOT_NEEDED };
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

static int teardown(void **state) {
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

/* Watched, and the survey of the attachment is asked for and answered. */
static void attach_and_answer(Setup *s) {
        tell_filesystem(s, DEVICE_NUMBER, s->pipe[0]);
        assert_int_equal(s->n_requests, 0); /* not in the first second */
        run_until_requests(s, 1);
        answer(s, s->requests, 0);
}

static void test_attached(void **state) {
        Setup *s = *state;
        const uint32_t groups[] = { 3, 1 };

        s->autofsck = AUTOFSCK_REPAIR;
        tell_filesystem(s, DEVICE_NUMBER, s->pipe[0]);
        assert_int_equal(s->n_requests, 0);
        run_until_requests(s, 1);
        assert_int_equal(s->requests[0].device_number, DEVICE_NUMBER);
        assert_int_equal(s->requests[0].depth, SURVEY_GROUPS);
        assert_true(s->requests[0].timeout_usec > 0 && s->requests[0].timeout_usec < USEC_PER_DAY);
        assert_int_equal(s->n_with_monitor, 1); /* the worker proves with it that it looks at the same one */

        /* In two records, each finding an event that is healed as any other. */
        answer_groups(s, s->requests, groups, 1, false);
        answer_groups(s, s->requests, groups + 1, 1, true);
        assert_int_equal(count_events(s, EVENT_SICK, EVENT_SOURCE_SURVEY), 2);
        assert_int_equal(s->n_repairs, 2);
        assert_int_equal(s->last_target.structure, STRUCTURE_AG_FINOBT);
        assert_int_equal(s->last_target.group, 1);
        assert_int_equal(the_filesystem(s)->totals.n_healed, 2);
        assert_int_equal(s->n_requests, 1);

        /* It is not asked again without a reason. */
        assert_int_equal(engine_watch_find(s->engine, the_filesystem(s)->id)->survey.due_usec[SURVEY_GROUPS], 0);
        assert_null(s->engine->survey_timer);
}

/* The child that attached has asked for the whole file system already. */
static void test_seen_while_attaching(void **state) {
        Setup *s = *state;
        WorkerMessage message = prepare_result(NULL);

        message.survey_result.n_findings = 1;
        message.survey_result.findings[0] = (SickFinding) { .domain = DOMAIN_FS, .structure = STRUCTURE_FS_COUNTERS };
        tell_filesystem(s, DEVICE_NUMBER, s->pipe[0]);
        fake_worker_say(&s->worker, &message, -EBADF);
        run_quiet(s);
        assert_int_equal(count_events(s, EVENT_SICK, EVENT_SOURCE_SURVEY), 1);
        assert_int_equal(s->events[s->n_events - 1].structure, STRUCTURE_FS_COUNTERS);

        /* The survey that comes after it finds the same. */
        run_until_requests(s, 1);
        message.survey_result.request_id = s->requests[0].request_id;
        fake_worker_say(&s->worker, &message, -EBADF);
        run_quiet(s);
        assert_int_equal(count_events(s, EVENT_SICK, EVENT_SOURCE_SURVEY), 1);
}

static void test_not_asked(void **state) {
        Setup *s = *state;
        int fd;

        /* Nobody watches it, or an earlier healerd watched it before. */
        tell_filesystem(s, DEVICE_NUMBER, -EBADF);
        assert_null(s->engine->survey_timer);
        fd = fcntl(s->pipe[0], F_DUPFD_CLOEXEC, 3);
        assert_true(fd >= 0);
        assert_int_equal(engine_adopt_monitor(s->engine, fd, DEVICE_NUMBER + 1, 12, true), 0);
        assert_null(s->engine->survey_timer);
}

static uint64_t due_after_us(Setup *s) {
        const Watch *watch = engine_watch_find(s->engine, the_filesystem(s)->id);

        return monitor_source_account(watch->source)->survey_due;
}

/* A healerd that is killed leaves to the next one what it had not looked up, or not dealt with. */
static void test_left_to_the_next(void **state) {
        Setup *s = *state;
        const uint32_t group = 1;

        s->autofsck = AUTOFSCK_REPAIR;
        s->are_repairs_slow = true;
        tell_filesystem(s, DEVICE_NUMBER, s->pipe[0]);
        assert_int_equal(due_after_us(s), SURVEY_GROUPS);
        run_until_requests(s, 1);
        answer_groups(s, s->requests, &group, 1, true);
        assert_int_equal(s->n_repairs, 1);
        assert_int_equal(due_after_us(s), SURVEY_GROUPS);
        answer_job(s, s->last_job_id);
        run_quiet(s);
        assert_int_equal(the_filesystem(s)->totals.n_healed, 1);
        assert_int_equal(due_after_us(s), SURVEY_NONE);

        lose_reports(s);
        assert_int_equal(due_after_us(s), SURVEY_INODES);
        run_until_requests(s, 2);
        answer(s, s->requests + 1, EAGAIN);
        run_until_requests(s, 3);
        answer(s, s->requests + 2, 0);
        assert_int_equal(due_after_us(s), SURVEY_INODES);
        run_until_requests(s, 4);
        answer(s, s->requests + 3, 0);
        assert_int_equal(due_after_us(s), SURVEY_NONE);
}

static void test_left_by_an_earlier_one(void **state) {
        Setup *s = *state;
        int fd = fcntl(s->pipe[0], F_DUPFD_CLOEXEC, 3);
        RingMonitor *account;

        assert_true(fd >= 0);
        assert_int_equal(record_ring_add_monitor(s->engine->ring, 12, DEVICE_NUMBER, &account), 0);
        record_ring_set_survey_due(account, SURVEY_INODES);
        assert_int_equal(engine_adopt_monitor(s->engine, fd, DEVICE_NUMBER, 12, true), 0);
        run_until_requests(s, 1);
        assert_int_equal(s->requests[0].depth, SURVEY_INODES);
}

static void test_shut_down(void **state) {
        Setup *s = *state;

        tell_filesystem(s, DEVICE_NUMBER, s->pipe[0]);
        run_until_requests(s, 1);
        queue_record(s, ABI_XFS_HEALTH_MONITOR_DOMAIN_MOUNT, ABI_XFS_HEALTH_MONITOR_TYPE_SHUTDOWN, 1, 0);
        assert_int_equal(s->n_cancelled, 1);
        lose_reports(s);
        assert_null(s->engine->survey_timer);
}

static void test_known_is_not_told_again(void **state) {
        Setup *s = *state;
        const uint32_t groups[] = { 2, 3 };

        /* The monitor told it meanwhile, and nothing may be repaired here. */
        tell_filesystem(s, DEVICE_NUMBER, s->pipe[0]);
        queue_record(s, ABI_XFS_HEALTH_MONITOR_DOMAIN_AG, ABI_XFS_HEALTH_MONITOR_TYPE_SICK, ABI_XFS_AG_GEOM_SICK_FINOBT, 2);
        assert_int_equal(count_events(s, EVENT_SICK, EVENT_SOURCE_HEALTHMON), 1);
        run_until_requests(s, 1);
        answer_groups(s, s->requests, groups, ELEMENTSOF(groups), true);
        assert_int_equal(count_events(s, EVENT_SICK, EVENT_SOURCE_SURVEY), 1);
        assert_int_equal(s->events[s->n_events - 1].group, 3);

        /* What was healed and is found again is news. */
        queue_record(s, ABI_XFS_HEALTH_MONITOR_DOMAIN_AG, ABI_XFS_HEALTH_MONITOR_TYPE_HEALTHY, ABI_XFS_AG_GEOM_SICK_FINOBT, 2);
        lose_reports(s);
        run_until_requests(s, 2);
        answer_groups(s, s->requests + 1, groups, ELEMENTSOF(groups), true);
        assert_int_equal(count_events(s, EVENT_SICK, EVENT_SOURCE_SURVEY), 2);
        assert_int_equal(s->events[s->n_events - 1].group, 2);
}

static void test_after_loss(void **state) {
        Setup *s = *state;
        const HealthCondition *condition;

        attach_and_answer(s);
        lose_reports(s);
        run_until_requests(s, 2);
        assert_int_equal(s->requests[1].depth, SURVEY_INODES);
        assert_true(s->requests[1].request_id != s->requests[0].request_id);

        /* Too early for the inodes: the groups at once, the inodes after a while. */
        answer(s, s->requests + 1, EAGAIN);
        run_until_requests(s, 3);
        assert_int_equal(s->requests[2].depth, SURVEY_GROUPS);
        answer(s, s->requests + 2, 0);
        condition = condition_find(&the_filesystem(s)->conditions, CONDITION_EVENTS_LOST, "");
        assert_non_null(condition);
        assert_null(strstr(condition->message, "looked up"));
        run_until_requests(s, 4);
        assert_int_equal(s->requests[3].depth, SURVEY_INODES);

        /* What was lost may have been something that nobody remembers: it is said, and stays. */
        answer(s, s->requests + 3, 0);
        condition = condition_find(&the_filesystem(s)->conditions, CONDITION_EVENTS_LOST, "");
        assert_non_null(condition);
        assert_non_null(strstr(condition->message, "looked up"));

        /* More losses: not again at once. */
        lose_reports(s);
        assert_int_equal(s->n_requests, 4);
        assert_true(engine_watch_find(s->engine, the_filesystem(s)->id)->survey.due_usec[SURVEY_INODES] >
                    clock_monotonic_usec() + 30 * USEC_PER_SEC);
}

/* Then nothing may be said of what was lost. */
static void test_incomplete_answers_nothing(void **state) {
        Setup *s = *state;
        WorkerMessage message;

        attach_and_answer(s);
        lose_reports(s);
        run_until_requests(s, 2);
        message = prepare_result(s->requests + 1);
        message.survey_result.n_unreadable = 1;
        fake_worker_say(&s->worker, &message, -EBADF);
        run_quiet(s);
        assert_null(strstr(condition_find(&the_filesystem(s)->conditions, CONDITION_EVENTS_LOST, "")->message, "looked up"));
}

static void test_unmounted_in_the_middle(void **state) {
        Setup *s = *state;
        const uint32_t group = 1;

        tell_filesystem(s, DEVICE_NUMBER, s->pipe[0]);
        run_until_requests(s, 1);
        s->pipe[1] = close_fd(s->pipe[1]);
        while (filesystem_table_count(engine_filesystems(s->engine)) > 0)
                assert_true(sd_event_run(s->event, 30 * USEC_PER_SEC) > 0);
        run_quiet(s);
        assert_int_equal(s->n_cancelled, 1);
        assert_int_equal(s->cancelled[0], s->requests[0].request_id);
        assert_null(s->engine->survey_timer);

        /* What was on its way is about nobody, also if the number is taken again. */
        s->n_events = 0;
        answer_groups(s, s->requests, &group, 1, true);
        tell_filesystem(s, DEVICE_NUMBER, -EBADF);
        answer_groups(s, s->requests, &group, 1, true);
        assert_int_equal(s->n_events, 0);
}

static void test_worker_ends_in_the_middle(void **state) {
        Setup *s = *state;
        const uint32_t group = 1;

        tell_filesystem(s, DEVICE_NUMBER, s->pipe[0]);
        run_until_requests(s, 1);
        fake_worker_hang_up(&s->worker);
        while (s->worker.n_lines < 2 || !engine_worker_is_connected(s->engine))
                assert_true(sd_event_run(s->event, 30 * USEC_PER_SEC) > 0);
        run_until_requests(s, 2);
        assert_int_equal(s->requests[1].depth, SURVEY_GROUPS);
        tell_filesystem(s, DEVICE_NUMBER, -EBADF);

        answer_groups(s, s->requests, &group, 1, true); /* of the old one */
        assert_int_equal(count_events(s, EVENT_SICK, EVENT_SOURCE_SURVEY), 0);
        answer_groups(s, s->requests + 1, &group, 1, true);
        assert_int_equal(count_events(s, EVENT_SICK, EVENT_SOURCE_SURVEY), 1);
}

static void test_not_all_at_once(void **state) {
        Setup *s = *state;

        for (dev_t i = 0; i < 6; i++)
                tell_filesystem(s, DEVICE_NUMBER + i, s->pipe[0]);
        run_until_requests(s, 4);
        answer(s, s->requests + 2, 0);
        run_until_requests(s, 5);
        answer(s, s->requests + 4, EIO); /* also one that failed makes room */
        run_until_requests(s, 6);
        for (size_t i = 0; i < 6; i++)
                for (size_t k = 0; k < i; k++)
                        assert_true(s->requests[i].device_number != s->requests[k].device_number);
}

#define LOSS_POLICY                                                                             \
        "version: 1\n"                                                                          \
        "rules:\n"                                                                              \
        "  - id: lost\n"                                                                        \
        "    match: {event: events-lost}\n"                                                     \
        "    do: [survey, {scrub: {repair: never}}]\n"

static void test_action(void **state) {
        Setup *s = *state;
        WorkerMessage message;

        s->autofsck = AUTOFSCK_CHECK;
        load_policy(s, LOSS_POLICY);
        attach_and_answer(s);
        lose_reports(s);
        run_until_requests(s, 2);
        assert_int_equal(s->requests[1].depth, SURVEY_INODES);
        assert_int_equal(s->n_scrubs, 0); /* one step after the other */
        assert_non_null(job_queue_active(engine_jobs(s->engine), the_filesystem(s)->id));

        message = prepare_result(s->requests + 1);
        message.survey_result.n_inodes = 77;
        fake_worker_say(&s->worker, &message, -EBADF);
        run_quiet(s);
        assert_int_equal(s->survey_outcome, OUTCOME_DONE);
        assert_non_null(strstr(s->survey_detail, "4 groups and 77 inodes"));
        assert_int_equal(count_events(s, EVENT_SURVEY_DONE, EVENT_SOURCE_HEALERD), 1);
        assert_int_equal(s->n_scrubs, 1);
        /* One survey for the loss and for the rule. */
        run_quiet(s);
        assert_int_equal(s->n_requests, 2);
        assert_int_equal(s->n_jobs_ended, 2);
}

/* Damage stood in its way: that is told, and not tried again. */
static void test_action_finds_what_cannot_be_looked_at(void **state) {
        Setup *s = *state;
        WorkerMessage message;

        load_policy(s, LOSS_POLICY);
        attach_and_answer(s);
        lose_reports(s);
        run_until_requests(s, 2);
        message = prepare_result(s->requests + 1);
        message.survey_result.n_unreadable = 3;
        fake_worker_say(&s->worker, &message, -EBADF);
        run_quiet(s);
        assert_int_equal(s->survey_outcome, OUTCOME_INCOMPLETE);
        assert_non_null(strstr(s->survey_detail, "3 groups or inodes could not be looked at"));
        assert_int_equal(count_events(s, EVENT_SURVEY_FAILED, EVENT_SOURCE_HEALERD), 1);
}

/* Too early is no end of the job. */
static void test_action_waits(void **state) {
        Setup *s = *state;

        load_policy(s, LOSS_POLICY);
        attach_and_answer(s);
        lose_reports(s);
        run_until_requests(s, 2);
        answer(s, s->requests + 1, EAGAIN);
        run_until_requests(s, 3);
        answer(s, s->requests + 2, 0);
        assert_int_equal(s->requests[2].depth, SURVEY_GROUPS);
        assert_int_equal(s->n_jobs_ended, 0);
        run_until_requests(s, 4);
        answer(s, s->requests + 3, EIO);
        assert_int_equal(s->survey_outcome, OUTCOME_FAILED);
        assert_non_null(strstr(s->survey_detail, "looked at 4 groups"));
        assert_int_equal(count_events(s, EVENT_SURVEY_FAILED, EVENT_SOURCE_HEALERD), 1);
}

static void test_action_is_cancelled(void **state) {
        Setup *s = *state;
        Job *job;

        load_policy(s, LOSS_POLICY);
        attach_and_answer(s);
        lose_reports(s);
        run_until_requests(s, 2);
        job = job_queue_active(engine_jobs(s->engine), the_filesystem(s)->id);
        assert_non_null(job);
        assert_int_equal(job_queue_cancel(engine_jobs(s->engine), job->id), 0);
        run_quiet(s);
        assert_int_equal(s->n_cancelled, 1);
        assert_int_equal(s->cancelled[0], s->requests[1].request_id);
        answer(s, s->requests + 1, ECANCELED);
        assert_int_equal(s->survey_outcome, OUTCOME_CANCELLED);
}

static void test_action_cancelled_before_it_began(void **state) {
        Setup *s = *state;
        Job *job;

        load_policy(s, LOSS_POLICY);
        attach_and_answer(s);
        lose_reports(s);
        run_until_requests(s, 2);
        answer(s, s->requests + 1, EAGAIN);
        job = job_queue_active(engine_jobs(s->engine), the_filesystem(s)->id);
        assert_non_null(job);
        assert_int_equal(job_queue_cancel(engine_jobs(s->engine), job->id), 0);
        run_quiet(s);
        assert_int_equal(s->survey_outcome, OUTCOME_CANCELLED);
        assert_int_equal(s->n_cancelled, 0);
}

#define TEST(function) cmocka_unit_test_setup_teardown(function, setup, teardown)

int main(void) {
        const struct CMUnitTest tests[] = {
                TEST(test_attached),
                TEST(test_seen_while_attaching),
                TEST(test_not_asked),
                TEST(test_left_to_the_next),
                TEST(test_left_by_an_earlier_one),
                TEST(test_shut_down),
                TEST(test_known_is_not_told_again),
                TEST(test_after_loss),
                TEST(test_incomplete_answers_nothing),
                TEST(test_unmounted_in_the_middle),
                TEST(test_worker_ends_in_the_middle),
                TEST(test_not_all_at_once),
                TEST(test_action),
                TEST(test_action_finds_what_cannot_be_looked_at),
                TEST(test_action_waits),
                TEST(test_action_is_cancelled),
                TEST(test_action_cancelled_before_it_began),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}

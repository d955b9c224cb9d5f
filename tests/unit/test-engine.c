/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * One event through the whole pipeline, with a worker played by the test: facts are asked for, the policy
 * decides, the job is carried out, its result is told, conditions come and go.
 */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>

#include "src/basic/file.h"
#include "src/engine/engine-internal.h"
#include "tests/unit/fake-worker.h"

#define DEVICE_NUMBER 0x701

typedef struct Setup {
        sd_event *event;
        Engine *engine;
        FakeWorker worker;
        char root[64];

        Autofsck autofsck;
        Outcome outcome;                /* what the worker answers to repairs */
        const char *detail;
        bool is_gather_silent;

        unsigned n_gathers, n_asked_for_life, n_repairs, n_scrubs, n_taken;
        WorkerGatherRequest last_gather;
        WorkerRepairRequest last_repair;
        EventKind kinds[32];
        uint64_t causes[32];
        size_t n_events;
        unsigned n_decisions, n_notices, n_refused;
        char refused_why[128];
        char last_path[64];
        bool is_complete;
        bool was_handed_over;           /* the worker had something to read when damage was told */
} Setup;

static void answer_gather(Setup *s, const WorkerGatherRequest *request) {
        WorkerMessage message;

        /* A question about no file system asks whether it lives. */
        if (request->request_id == 0)
                s->n_asked_for_life++;
        else
                s->n_gathers++;
        if (s->is_gather_silent && request->request_id != 0)
                return;
        worker_message_init(&message, WORKER_GATHERED);
        message.gathered.request_id = request->request_id;
        message.gathered.device_number = request->device_number;
        message.gathered.autofsck_state = FACT_KNOWN;
        message.gathered.autofsck = (uint8_t) s->autofsck;
        message.gathered.is_read_only = TRISTATE_NO;
        message.gathered.path_state = request->inode ? FACT_KNOWN : FACT_UNKNOWN;
        if (request->inode)
                strcpy(message.gathered.path, "/dir/file");
        fake_worker_say(&s->worker, &message, -EBADF);
}

static void answer_job(Setup *s, uint64_t job_id, Outcome outcome) {
        WorkerMessage message;

        worker_message_init(&message, WORKER_JOB_RESULT);
        message.result.job_id = job_id;
        message.result.device_number = DEVICE_NUMBER;
        message.result.outcome = (uint8_t) outcome;
        message.result.was_verified = outcome == OUTCOME_DONE;
        if (s->detail)
                strcpy(message.result.detail, s->detail);
        fake_worker_say(&s->worker, &message, -EBADF);
}

/* As the worker does it: an order that came with the question is looked at first. */
static void answer_repair(Setup *s, const WorkerRepairRequest *request) {
        WorkerMessage message;

        if (request->expects_autofsck && (Autofsck) request->autofsck != s->autofsck) {
                worker_message_init(&message, WORKER_JOB_RESULT);
                message.result.job_id = request->job_id;
                message.result.device_number = DEVICE_NUMBER;
                message.result.outcome = OUTCOME_REFUSED;
                message.result.have_facts_changed = true;
                fake_worker_say(&s->worker, &message, -EBADF);
                return;
        }
        worker_message_init(&message, WORKER_JOB_STARTED);
        message.result.job_id = request->job_id;
        message.result.device_number = DEVICE_NUMBER;
        fake_worker_say(&s->worker, &message, -EBADF);
        answer_job(s, request->job_id, s->outcome);
}

static void on_worker_message(void *userdata, const WorkerMessage *message, int fd) {
        Setup *s = userdata;

        (void) fd;
        if (message->header.type == WORKER_GATHER) {
                s->last_gather = message->gather;
                answer_gather(s, &message->gather);
        } else if (message->header.type == WORKER_REPAIR) {
                s->n_repairs++;
                s->last_repair = message->repair;
                answer_repair(s, &message->repair);
        } else if (message->header.type == WORKER_SCRUB) {
                s->n_scrubs++;
                answer_job(s, message->scrub.job_id, OUTCOME_DONE);
        } else if (message->header.type == WORKER_JOB_TAKEN)
                s->n_taken++;
}

static void on_event(void *userdata, const HealthEvent *event, const Filesystem *filesystem, const char *path) {
        Setup *s = userdata;

        assert_non_null(filesystem);
        assert_true(event->id != 0);
        if (event->kind == EVENT_SICK) {
                char byte;

                s->was_handed_over = recv(s->worker.fd, &byte, sizeof(byte), MSG_PEEK|MSG_DONTWAIT) > 0;
        }
        if (path)
                (void) snprintf(s->last_path, sizeof(s->last_path), "%s", path);
        s->kinds[s->n_events] = event->kind;
        s->causes[s->n_events++] = event->cause_id;
        assert_true(s->n_events < ELEMENTSOF(s->kinds));
}

static void on_decision(void *userdata, const Decision *decision, const HealthEvent *event,
                        const Filesystem *filesystem) {
        Setup *s = userdata;

        (void) filesystem;
        assert_int_equal(decision->event_id, event->id);
        s->n_decisions++;
}

static void on_notice(void *userdata, Severity severity, const char *message, const Decision *decision,
                      const HealthEvent *event, const Filesystem *filesystem) {
        (void) severity;
        (void) message;
        (void) decision;
        (void) event;
        (void) filesystem;
        ((Setup *) userdata)->n_notices++;
}

static void on_refused(void *userdata, ActionKind action, const char *why, const Decision *decision,
                       const HealthEvent *event, const Filesystem *filesystem) {
        Setup *s = userdata;

        (void) action;
        (void) decision;
        (void) event;
        (void) filesystem;
        s->n_refused++;
        (void) snprintf(s->refused_why, sizeof(s->refused_why), "%s", why);
}

static void on_complete(void *userdata) {
        ((Setup *) userdata)->is_complete = true;
}

static void run_until(Setup *s, bool (*is_reached)(Setup *s)) {
        while (!is_reached(s))
                assert_true(sd_event_run(s->event, 30 * USEC_PER_SEC) > 0);
}

static bool is_complete(Setup *s) {
        return s->is_complete;
}

static bool is_connected(Setup *s) {
        return engine_worker_is_connected(s->engine);
}

static bool is_taken(Setup *s) {
        return s->n_taken > 0;
}

/* Everything here runs on one loop, so what is not ready now will never be without somebody doing something. */
static void run_quiet(Setup *s) {
        while (sd_event_run(s->event, 0) > 0)
                ;
}

static void tell_filesystem(Setup *s, MonitorState monitor_state) {
        WorkerMessage message;

        worker_message_init(&message, WORKER_FILESYSTEM);
        message.filesystem.device_number = DEVICE_NUMBER;
        message.filesystem.monitor_state = monitor_state;
        message.filesystem.uuid_state = FACT_KNOWN;
        message.filesystem.label_state = FACT_ABSENT;
        message.filesystem.autofsck_state = FACT_KNOWN;
        message.filesystem.autofsck = AUTOFSCK_UNSET;
        message.filesystem.has_parent_pointers = 1;
        strcpy(message.filesystem.type, "xfs");
        strcpy(message.filesystem.device, "/dev/loop1");
        fake_worker_say(&s->worker, &message, -EBADF);

        worker_message_init(&message, WORKER_MOUNT_ADDED);
        message.mount.device_number = DEVICE_NUMBER;
        message.mount.mount_id = 1;
        message.mount.is_whole = 1;
        strcpy(message.mount.mount_point, "/srv");
        fake_worker_say(&s->worker, &message, -EBADF);

        worker_message_init(&message, WORKER_MOUNTS_LISTED);
        fake_worker_say(&s->worker, &message, -EBADF);
}

static void write_policy(Setup *s, const char *text) {
        char path[128];

        (void) snprintf(path, sizeof(path), "%s/etc/xfs_healer/policy.yaml", s->root);
        assert_int_equal(file_write_atomic(path, text, strlen(text), 0644), 0);
}

static void make_root(Setup *s) {
        char path[128];

        strcpy(s->root, "/tmp/healer-engine-XXXXXX");
        assert_non_null(mkdtemp(s->root));
        (void) snprintf(path, sizeof(path), "%s/etc", s->root);
        assert_int_equal(mkdir(path, 0755), 0);
        (void) snprintf(path, sizeof(path), "%s/etc/xfs_healer", s->root);
        assert_int_equal(mkdir(path, 0755), 0);
}

static int setup(void **state) {
        static Setup s;
        EngineOptions options = { .policy.root_directory = s.root };
        const EngineObserver observer = {
                .on_event = on_event,
                .on_decision = on_decision,
                .on_notice = on_notice,
                .on_refused = on_refused,
                .on_complete = on_complete,
                .userdata = &s,
        };

        s = (Setup) { .autofsck = AUTOFSCK_REPAIR, .outcome = OUTCOME_DONE };
        make_root(&s);
        assert_int_equal(sd_event_new(&s.event), 0);
        fake_worker_init(&s.worker, s.event, &options.worker_fd);
        s.worker.on_message = on_worker_message;
        s.worker.userdata = &s;
        assert_int_equal(engine_new(s.event, &options, &s.engine), 0);
        assert_int_equal(engine_add_observer(s.engine, &observer), 0);
        assert_int_equal(engine_start(s.engine), 0);
        run_until(&s, is_connected);
        tell_filesystem(&s, MONITOR_UNSUPPORTED);
        run_until(&s, is_complete);
        *state = &s;
        return 0;
}

static int teardown(void **state) {
        Setup *s = *state;
        char command[128];

        engine_free(s->engine);
        fake_worker_done(&s->worker);
        sd_event_unref(s->event);
        (void) snprintf(command, sizeof(command), "rm -rf %s", s->root);
        return system(command);
}

static Filesystem *the_filesystem(Setup *s) {
        Filesystem *filesystem = filesystem_table_find_device(engine_filesystems(s->engine), DEVICE_NUMBER);

        assert_non_null(filesystem);
        return filesystem;
}

static void take_sick(Setup *s, Structure structure, uint64_t inode) {
        const HealthEvent event = {
                .filesystem_id = the_filesystem(s)->id,
                .kind = EVENT_SICK,
                .domain = structure_domain(structure),
                .structure = structure,
                .inode = inode,
                .generation = 5,
                .count = 1,
        };

        engine_take_event(s->engine, &event);
}

static void test_baseline_repairs(void **state) {
        Setup *s = *state;

        take_sick(s, STRUCTURE_AG_FINOBT, 0);
        run_until(s, is_taken);
        run_quiet(s);
        assert_int_equal(s->n_gathers, 1);
        assert_int_equal(s->n_repairs, 1);
        assert_int_equal(s->last_repair.target.structure, STRUCTURE_AG_FINOBT);
        assert_int_equal(s->kinds[0], EVENT_SICK);
        assert_true(s->was_handed_over); /* repaired first, told then */
        assert_int_equal(s->kinds[1], EVENT_REPAIR_DONE);
        assert_true(s->causes[1] != 0);
        assert_int_equal(s->last_repair.event_id, s->causes[1]); /* one story, one number */
        assert_int_equal(the_filesystem(s)->totals.n_healed, 1);
        assert_int_equal(the_filesystem(s)->conditions.n_items, 0);
        assert_true(the_filesystem(s)->first_bad_realtime_usec == 0 || the_filesystem(s)->totals.n_events == 2);
}

/* The second time the answer is known from the first: the order goes out with the question. */
static void test_repairs_while_it_asks(void **state) {
        Setup *s = *state;

        take_sick(s, STRUCTURE_AG_FINOBT, 0);
        run_until(s, is_taken);
        run_quiet(s);
        assert_false(s->last_repair.expects_autofsck);

        s->n_taken = 0;
        take_sick(s, STRUCTURE_AG_BNOBT, 0);
        run_until(s, is_taken);
        run_quiet(s);
        assert_int_equal(s->n_gathers, 2);
        assert_int_equal(s->n_repairs, 2);
        assert_int_equal(s->last_repair.target.structure, STRUCTURE_AG_BNOBT);
        assert_true(s->last_repair.expects_autofsck);
        assert_int_equal(s->last_repair.autofsck, AUTOFSCK_REPAIR);
        assert_int_equal(s->kinds[2], EVENT_SICK);
        assert_int_equal(s->kinds[3], EVENT_REPAIR_DONE);
        assert_int_equal(s->last_repair.event_id, s->causes[3]);
        assert_int_equal(the_filesystem(s)->totals.n_healed, 2);

        /* Forbidden meanwhile: the worker finds that out by itself, and of its order nobody hears. */
        s->autofsck = AUTOFSCK_NONE;
        s->n_decisions = 0;
        take_sick(s, STRUCTURE_AG_CNTBT, 0);
        run_quiet(s);
        assert_int_equal(s->n_repairs, 3);
        assert_true(s->last_repair.expects_autofsck);
        assert_int_equal(s->n_decisions, 1);
        assert_int_equal(s->n_taken, 2);
        assert_int_equal(s->kinds[s->n_events - 1], EVENT_SICK);
        assert_int_equal(the_filesystem(s)->totals.n_refused, 0);
        assert_null(job_queue_next(engine_jobs(s->engine), NULL));

        /* And then no order goes out. */
        take_sick(s, STRUCTURE_AG_CNTBT, 0);
        run_quiet(s);
        assert_int_equal(s->n_repairs, 3);
}

/* What hangs on a fact that is still to come waits for it, and rules see the path below the mount point. */
static void test_waits_for_the_path(void **state) {
        Setup *s = *state;

        take_sick(s, STRUCTURE_AG_FINOBT, 0);
        run_until(s, is_taken);
        write_policy(s, "version: 1\n"
                        "baseline: off\n"
                        "rules:\n"
                        "  - id: some\n"
                        "    match: {file: {path: {under: /srv/dir}}}\n"
                        "    do: [repair]\n");
        assert_int_equal(engine_reload_policy(s->engine), 0);
        s->n_taken = 0;
        take_sick(s, STRUCTURE_INODE_DIRECTORY, 131);
        run_until(s, is_taken);
        run_quiet(s);
        assert_int_equal(s->n_repairs, 2);
        assert_false(s->last_repair.expects_autofsck);

        /* Where there is no file, nothing is waited for. */
        take_sick(s, STRUCTURE_AG_BNOBT, 0);
        run_quiet(s);
        assert_int_equal(s->n_repairs, 2);

        write_policy(s, "version: 1\n"
                        "baseline: off\n"
                        "rules:\n"
                        "  - id: others\n"
                        "    match: {file: {path: {under: /dir}}}\n"
                        "    do: [repair]\n");
        assert_int_equal(engine_reload_policy(s->engine), 0);
        take_sick(s, STRUCTURE_INODE_DIRECTORY, 132);
        run_quiet(s);
        assert_int_equal(s->n_repairs, 2);
}

/* Without an answer nothing is permitted: what was ordered with the question is taken back, but the worker has looked.
 */
static void test_order_without_an_answer(void **state) {
        Setup *s = *state;

        take_sick(s, STRUCTURE_AG_FINOBT, 0);
        run_until(s, is_taken);
        run_quiet(s);
        s->is_gather_silent = true;
        take_sick(s, STRUCTURE_AG_BNOBT, 0);
        while (s->n_events < 4)
                assert_true(sd_event_run(s->event, 60 * USEC_PER_SEC) > 0);
        run_quiet(s);
        assert_int_equal(s->n_repairs, 2);
        assert_true(s->last_repair.expects_autofsck);
        assert_int_equal(s->kinds[2], EVENT_SICK);
        assert_int_equal(s->kinds[3], EVENT_REPAIR_DONE);
        assert_int_equal(the_filesystem(s)->totals.n_healed, 2);
}

static void test_property_forbids(void **state) {
        Setup *s = *state;
        static const Autofsck values[] = { AUTOFSCK_NONE, AUTOFSCK_CHECK, AUTOFSCK_OPTIMIZE, AUTOFSCK_UNSET };

        for (size_t i = 0; i < ELEMENTSOF(values); i++) {
                print_message("%s\n", autofsck_to_name(values[i]));
                s->autofsck = values[i];
                take_sick(s, STRUCTURE_AG_FINOBT, 0);
                run_quiet(s);
                assert_int_equal(s->n_gathers, i + 1);
                assert_int_equal(s->n_repairs, 0);
                assert_false(s->was_handed_over);
        }
        assert_non_null(condition_find(&the_filesystem(s)->conditions, CONDITION_SICK, "agno 0x0 finobt"));
}

static void test_path_is_asked_for(void **state) {
        Setup *s = *state;

        take_sick(s, STRUCTURE_INODE_DIRECTORY, 131);
        run_until(s, is_taken);
        assert_string_equal(s->last_path, "/dir/file");
        assert_int_equal(s->last_repair.target.inode, 131);
        assert_int_equal(s->last_repair.target.generation, 5);
}

static void test_refused_harmful(void **state) {
        Setup *s = *state;
        const HealthCondition *condition;

        s->outcome = OUTCOME_REFUSED_HARMFUL;
        take_sick(s, STRUCTURE_INODE_CORE, 131);
        run_until(s, is_taken);
        run_quiet(s);
        assert_int_equal(s->kinds[1], EVENT_ACTION_REFUSED);
        condition = condition_find(&the_filesystem(s)->conditions, CONDITION_OFFLINE_REPAIR_REQUIRED,
                                   "ino 131 gen 0x5 core");
        assert_non_null(condition);
        assert_non_null(strstr(condition->message, "umount /srv"));
        assert_non_null(strstr(condition->message, "xfs_repair /dev/loop1"));
        assert_int_equal(the_filesystem(s)->totals.n_refused, 1);
        assert_int_equal(the_filesystem(s)->totals.n_healed, 0);
}

/* No default may heal less than upstream's program: it scans everything when one repair did not help. */
static void test_failed_baseline_is_followed_by_a_scan(void **state) {
        Setup *s = *state;

        s->outcome = OUTCOME_GONE;
        take_sick(s, STRUCTURE_AG_FINOBT, 0);
        run_quiet(s);
        assert_int_equal(s->n_scrubs, 0); /* not for what is no damage */

        s->outcome = OUTCOME_STILL_CORRUPT;
        take_sick(s, STRUCTURE_AG_INOBT, 0);
        run_quiet(s);
        assert_int_equal(s->n_repairs, 2);
        assert_int_equal(s->n_scrubs, 1);

        /* The same repair is not tried again at once, so no second scan either. */
        take_sick(s, STRUCTURE_AG_INOBT, 0);
        run_quiet(s);
        assert_int_equal(s->n_repairs, 2);
        assert_int_equal(s->n_scrubs, 1);
        assert_true(s->n_refused > 0);
}

static void test_healthy_clears(void **state) {
        Setup *s = *state;
        HealthEvent healthy;

        s->autofsck = AUTOFSCK_NONE;
        take_sick(s, STRUCTURE_AG_FINOBT, 0);
        run_quiet(s);
        assert_int_equal(the_filesystem(s)->conditions.n_items, 1);
        healthy = (HealthEvent) {
                .filesystem_id = the_filesystem(s)->id,
                .kind = EVENT_HEALTHY,
                .domain = DOMAIN_AG,
                .structure = STRUCTURE_AG_FINOBT,
                .count = 1,
        };
        engine_take_event(s->engine, &healthy);
        run_quiet(s);
        assert_int_equal(the_filesystem(s)->conditions.n_items, 0);
}

static void test_shutdown_ends_repairs(void **state) {
        Setup *s = *state;
        const HealthEvent event = {
                .filesystem_id = the_filesystem(s)->id,
                .kind = EVENT_SHUTDOWN,
                .domain = DOMAIN_MOUNT,
                .shutdown_reasons = SHUTDOWN_ONDISK_CORRUPTION,
                .count = 1,
        };

        engine_take_event(s->engine, &event);
        take_sick(s, STRUCTURE_AG_FINOBT, 0);
        run_quiet(s);
        assert_int_equal(s->n_repairs, 0);
        assert_non_null(condition_find(&the_filesystem(s)->conditions, CONDITION_SHUT_DOWN, ""));
}

static void test_rule_decides_and_reload_keeps_the_last_good(void **state) {
        Setup *s = *state;
        uint64_t generation;

        write_policy(s, "version: 1\n"
                        "rules:\n"
                        "  - id: quiet\n"
                        "    match: {structure: finobt}\n"
                        "    do: [log]\n");
        assert_int_equal(engine_reload_policy(s->engine), 0);
        take_sick(s, STRUCTURE_AG_FINOBT, 0);
        run_quiet(s);
        assert_int_equal(s->n_repairs, 0);
        assert_true(s->n_notices > 0);

        generation = policy_generation(engine_policy(s->engine));
        write_policy(s, "version: 1\nrulez: []\n");
        assert_int_equal(engine_reload_policy(s->engine), -EINVAL);
        assert_non_null(strstr(engine_policy_problems(s->engine), "policy.yaml:2:1"));
        assert_int_equal(policy_generation(engine_policy(s->engine)), generation);
        take_sick(s, STRUCTURE_AG_FINOBT, 0);
        run_quiet(s);
        assert_int_equal(s->n_repairs, 0);

        write_policy(s, "version: 1\n");
        assert_int_equal(engine_reload_policy(s->engine), 0);
        assert_string_equal(engine_policy_problems(s->engine), "");
        take_sick(s, STRUCTURE_AG_FINOBT, 0);
        run_until(s, is_taken);
        assert_int_equal(s->n_repairs, 1);
}

static void test_observe_does_nothing(void **state) {
        Setup *s = *state;

        write_policy(s, "version: 1\n"
                        "rules:\n"
                        "  - id: heal\n"
                        "    mode: observe\n"
                        "    match: {structure: finobt}\n"
                        "    do: [repair]\n"
                        "baseline: 'off'\n");
        assert_int_equal(engine_reload_policy(s->engine), 0);
        take_sick(s, STRUCTURE_AG_FINOBT, 0);
        run_quiet(s);
        assert_true(s->n_decisions > 0);
        assert_int_equal(s->n_repairs, 0);
}

static void test_steps_follow_each_other(void **state) {
        Setup *s = *state;

        write_policy(s, "version: 1\n"
                        "rules:\n"
                        "  - id: heal\n"
                        "    match: {structure: finobt}\n"
                        "    do: [repair, {scrub: {repair: never}}, {notify: {severity: critical}}]\n");
        assert_int_equal(engine_reload_policy(s->engine), 0);
        take_sick(s, STRUCTURE_AG_FINOBT, 0);
        run_quiet(s);
        assert_int_equal(s->n_repairs, 1);
        assert_int_equal(s->n_scrubs, 1);
        assert_int_equal(s->n_notices, 1);
        assert_int_equal(s->engine->n_sequences, 0);
}

static void test_protect_binds_rules_and_callers(void **state) {
        Setup *s = *state;
        CallerOrder order = {
                .filesystem = the_filesystem(s),
                .action = ACTION_REPAIR,
                .target = { .structure = STRUCTURE_AG_FINOBT },
                .timeout_usec = USEC_INFINITY,
        };
        char *denied = NULL;
        Job *job;

        write_policy(s, "version: 1\nprotect:\n  - {id: mine, match: {fs: {type: xfs}}, deny: [repair]}\n");
        assert_int_equal(engine_reload_policy(s->engine), 0);
        take_sick(s, STRUCTURE_AG_FINOBT, 0);
        run_quiet(s);
        assert_int_equal(s->n_repairs, 0);

        assert_int_equal(engine_order(s->engine, &order, &job, &denied), -EACCES);
        assert_non_null(strstr(denied, "mine"));
        free(denied);
        order.action = ACTION_SCRUB;
        assert_int_equal(engine_order(s->engine, &order, &job, &denied), 1);
}

static void test_unanswered_facts_forbid_repairs(void **state) {
        Setup *s = *state;

        /* The deadline of the question is the product's own: 5 s. */
        s->is_gather_silent = true;
        take_sick(s, STRUCTURE_AG_FINOBT, 0);
        while (s->n_events == 0)
                assert_true(sd_event_run(s->event, 60 * USEC_PER_SEC) > 0);
        run_quiet(s);
        assert_int_equal(s->n_repairs, 0);
        assert_int_equal(s->n_asked_for_life, 1);
        assert_true(engine_worker_is_connected(s->engine));
        assert_int_equal(the_filesystem(s)->facts.autofsck_state, FACT_UNKNOWN);
}

/* With the worker, as a virtual machine does now and then: it gets its time again. */
static void test_time_in_which_we_stood_still(void **state) {
        Setup *s = *state;

        s->is_gather_silent = true;
        take_sick(s, STRUCTURE_AG_FINOBT, 0);
        run_quiet(s);
        (void) poll(NULL, 0, (GATHER_DEADLINE_USEC + 2 * USEC_PER_SEC) / USEC_PER_MSEC);
        run_quiet(s);
        assert_int_equal(s->n_events, 0);
        assert_int_equal(s->n_asked_for_life, 0);

        s->is_gather_silent = false;
        answer_gather(s, &s->last_gather);
        run_until(s, is_taken);
        assert_int_equal(s->n_repairs, 1);
        assert_int_equal(the_filesystem(s)->facts.autofsck_state, FACT_KNOWN);
}

static void test_without_monitor_nothing_is_missed_or_repaired(void **state) {
        Setup *s = *state;
        const CallerOrder order = { .filesystem = the_filesystem(s), .action = ACTION_REPAIR,
                                    .target.structure = STRUCTURE_AG_FINOBT };
        char *denied = NULL;
        Job *job;

        tell_filesystem(s, MONITOR_FAILED);
        run_quiet(s);
        assert_int_equal(engine_n_unwatched(s->engine), 1);
        tell_filesystem(s, MONITOR_UNSUPPORTED);
        run_quiet(s);
        assert_int_equal(engine_n_unwatched(s->engine), 0);
        assert_int_equal(engine_order(s->engine, &order, &job, &denied), -ENOTTY);
        assert_int_equal(the_filesystem(s)->conditions.n_items, 0);
}

static void test_filesystem_without_mounts_goes(void **state) {
        Setup *s = *state;
        WorkerMessage message;

        worker_message_init(&message, WORKER_MOUNT_GONE);
        message.mount.device_number = DEVICE_NUMBER;
        message.mount.mount_id = 1;
        strcpy(message.mount.mount_point, "/srv");
        fake_worker_say(&s->worker, &message, -EBADF);
        run_quiet(s);
        assert_int_equal(filesystem_table_count(engine_filesystems(s->engine)), 0);
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test_setup_teardown(test_baseline_repairs, setup, teardown),
                cmocka_unit_test_setup_teardown(test_repairs_while_it_asks, setup, teardown),
                cmocka_unit_test_setup_teardown(test_waits_for_the_path, setup, teardown),
                cmocka_unit_test_setup_teardown(test_order_without_an_answer, setup, teardown),
                cmocka_unit_test_setup_teardown(test_property_forbids, setup, teardown),
                cmocka_unit_test_setup_teardown(test_path_is_asked_for, setup, teardown),
                cmocka_unit_test_setup_teardown(test_refused_harmful, setup, teardown),
                cmocka_unit_test_setup_teardown(test_failed_baseline_is_followed_by_a_scan, setup, teardown),
                cmocka_unit_test_setup_teardown(test_healthy_clears, setup, teardown),
                cmocka_unit_test_setup_teardown(test_shutdown_ends_repairs, setup, teardown),
                cmocka_unit_test_setup_teardown(test_rule_decides_and_reload_keeps_the_last_good, setup, teardown),
                cmocka_unit_test_setup_teardown(test_observe_does_nothing, setup, teardown),
                cmocka_unit_test_setup_teardown(test_steps_follow_each_other, setup, teardown),
                cmocka_unit_test_setup_teardown(test_protect_binds_rules_and_callers, setup, teardown),
                cmocka_unit_test_setup_teardown(test_unanswered_facts_forbid_repairs, setup, teardown),
                cmocka_unit_test_setup_teardown(test_time_in_which_we_stood_still, setup, teardown),
                cmocka_unit_test_setup_teardown(test_without_monitor_nothing_is_missed_or_repaired, setup, teardown),
                cmocka_unit_test_setup_teardown(test_filesystem_without_mounts_goes, setup, teardown),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}

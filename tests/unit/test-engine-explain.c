/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What the running policy says of an event that somebody wrote down: with what it remembers now, and without leaving
 * anything behind.
 */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <errno.h>
#include <string.h>

#include "src/basic/text.h"
#include "src/engine/engine-explain.h"
#include "src/engine/engine-workloads.h"
#include "tests/unit/engine-fixture.h"

static struct {
        unsigned n_asked;
        uint64_t inode;
        int error;
        bool is_silent;
} users;

static struct {
        unsigned n_answers;
        char text[8192], decision[512];
        bool has_filesystem, is_ending;
        size_t n_plans, n_workloads;
        char refused[EXPLAIN_WHY_SIZE], unit[UNIT_NAME_SIZE];
        bool is_taken;
        int error;
} told;

static void on_list_users(Setup *s, const WorkerUsersRequest *request) {
        WorkerMessage message;

        users.n_asked++;
        users.inode = request->inode;
        if (users.is_silent)
                return;
        worker_message_init(&message, WORKER_USER);
        message.user.request_id = request->request_id;
        message.user.kind = USER_PROCESS;
        message.user.uses = USE_OPEN;
        message.user.pid = 7;
        message.user.owner = WORKLOAD_USER_NONE;
        strcpy(message.user.unit, "db.service");
        fake_worker_say(&s->worker, &message, -EBADF);
        worker_message_init(&message, WORKER_USERS_END);
        message.users_end.request_id = request->request_id;
        message.users_end.error = users.error;
        fake_worker_say(&s->worker, &message, -EBADF);
}

static const char rules[] = "version: 1\nbaseline: off\nlimits: {workloads: 1 per 1h}\n"
                            "rules:\n"
                            "  - {id: often, match: {event: corrupt}, when: {count: 3, within: 1h}, do: [notify]}\n"
                            "  - {id: db, match: {event: write-error}, \n"
                            "     do: [{fail-workload: {who: fs-users, only: {unit: 'db.*'}}}]}\n"
                            "  - {id: own, match: {event: read-error},\n"
                            "     do: [{fail-workload: {who: file-users, only: {unit: 'db.*'}}}]}\n"
                            "  - {id: set, match: {event: sick, fs: {autofsck: repair}}, do: [repair]}\n";

static int setup(void **state) {
        int r = engine_fixture_setup(state);
        Setup *s = *state;

        if (r < 0)
                return r;
        memset(&users, 0, sizeof(users));
        memset(&told, 0, sizeof(told));
        s->on_list_users = on_list_users;
        write_policy(s, rules);
        return engine_reload_policy(s->engine);
}

static void on_explained(_unused_ void *userdata, const Explanation *explanation) {
        told.n_answers++;
        told.is_ending = explanation->is_ending;
        (void) text_copy(told.text, sizeof(told.text), explanation->text);
        told.decision[0] = '\0';
        if (explanation->n_decisions > 0)
                (void) text_copy(told.decision, sizeof(told.decision), explanation->decisions[0]);
        told.has_filesystem = explanation->filesystem_id != 0;
        told.n_plans = explanation->n_plans;
        if (explanation->n_plans == 0)
                return;
        told.error = explanation->plans[0].error;
        (void) text_copy(told.refused, sizeof(told.refused), explanation->plans[0].refused);
        told.n_workloads = explanation->plans[0].workloads.n_items;
        if (told.n_workloads == 0)
                return;
        told.is_taken = explanation->plans[0].workloads.items[0].is_taken;
        (void) text_copy(told.unit, sizeof(told.unit), explanation->plans[0].workloads.items[0].workload.unit);
}

static int explain(Setup *s, const char *event, const Filesystem *filesystem) {
        const ExplainQuestion question = { .event = event, .length = strlen(event), .filesystem = filesystem };
        _cleanup_(free_at) char *problems = NULL;
        int r;

        r = engine_explain(s->engine, &question, on_explained, NULL, &problems);
        assert_int_equal(problems != NULL, r == -EINVAL);
        if (problems)
                print_message("%s", problems);
        if (r >= 0)
                run_quiet(s);
        return r;
}

/* Three explanations count nothing; two events do, and the next explanation sees them. */
static void test_live_memory(void **state) {
        HealthEvent event = {
                .kind = EVENT_CORRUPT, .domain = DOMAIN_AG, .structure = STRUCTURE_AG_FINOBT,
                .source = EVENT_SOURCE_HEALTHMON, .count = 1,
        };
        Setup *s = *state;

        for (unsigned i = 0; i < 3; i++) {
                assert_int_equal(explain(s, "{event: corrupt, fs: {mounts: [/srv]}}", NULL), 0);
                assert_null(strstr(told.decision, "rule often"));
                assert_non_null(strstr(told.text, "has not happened often enough"));
        }
        assert_true(told.has_filesystem);
        for (unsigned i = 0; i < 2; i++) {
                event.filesystem_id = the_filesystem(s)->id;
                engine_take_event(s->engine, &event);
                run_quiet(s);
        }
        assert_int_equal(explain(s, "corrupt", the_filesystem(s)), 0);
        print_message("%s\n%s\n", told.text, told.decision);
        assert_string_equal(told.decision, "rule often, enforce: notify error");
        assert_int_equal(told.n_answers, 4);
        assert_int_equal(users.n_asked, 0);
}

/* What the event does not say is unknown, or as it is on the file system that is named. */
static void test_live_facts(void **state) {
        Setup *s = *state;

        assert_int_equal(explain(s, "{event: {kind: sick, structure: finobt}}", NULL), 0);
        assert_non_null(strstr(told.text, "a fact is unknown"));
        assert_false(told.has_filesystem);
        the_filesystem(s)->facts.autofsck_state = FACT_KNOWN;
        the_filesystem(s)->facts.autofsck = AUTOFSCK_REPAIR;
        assert_int_equal(explain(s, "{event: {kind: sick, structure: finobt}}", the_filesystem(s)), 0);
        print_message("%s\n", told.decision);
        assert_non_null(strstr(told.decision, "rule set, enforce: repair"));
        assert_true(told.has_filesystem);
        assert_int_equal(s->n_repairs, 0);
        assert_int_equal(explain(s, "{event: {kind: sick, structure: finobt}, fs: {autofsck: none}}",
                                 the_filesystem(s)), 0);
        assert_null(strstr(told.decision, "rule set"));
        assert_int_equal(s->n_decisions, 0);
}

/* What a pause denies is denied in the explanation as well, and is not counted as held back by it. */
static void test_paused(void **state) {
        const Suspension pause = { .kind = SUSPENSION_PAUSE, .id = SUSPENSION_ALL, .uid = 7, .reason = "moving disks" };
        Setup *s = *state;
        const char *id;

        the_filesystem(s)->facts.autofsck_state = FACT_KNOWN;
        the_filesystem(s)->facts.autofsck = AUTOFSCK_REPAIR;
        assert_true(engine_suspend(s->engine, &pause, &id) >= 0);
        assert_int_equal(explain(s, "{event: {kind: sick, structure: finobt}}", the_filesystem(s)), 0);
        print_message("%s\n%s\n", told.text, told.decision);
        assert_non_null(strstr(told.text, "repair is held back now: paused by uid 7: moving disks"));
        assert_non_null(strstr(told.decision, "paused by uid 7"));
        assert_int_equal(engine_pause_of(s->engine, NULL)->n_matched, 0);

        /* Nobody is looked up who would not be taken. */
        assert_int_equal(explain(s, "write-error", the_filesystem(s)), 0);
        assert_int_equal(told.n_plans, 0);
        assert_int_equal(users.n_asked, 0);

        assert_int_equal(engine_unsuspend(s->engine, SUSPENSION_PAUSE, id, 7), 0);
        assert_int_equal(explain(s, "{event: {kind: sick, structure: finobt}}", the_filesystem(s)), 0);
        assert_null(strstr(told.text, "held back"));
}

static void test_who_would_be_taken(void **state) {
        Setup *s = *state;

        assert_int_equal(explain(s, "write-error", the_filesystem(s)), 0);
        assert_int_equal(told.n_plans, 1);
        assert_int_equal(users.n_asked, 1);
        assert_int_equal(users.inode, 0);
        assert_int_equal(told.n_workloads, 1);
        assert_string_equal(told.unit, "db.service");
        assert_true(told.is_taken);
        assert_string_equal(told.refused, "");
        assert_int_equal(told.error, 0);

        assert_int_equal(explain(s, "{event: {kind: read-error, domain: filerange, inode: 131}}",
                                 the_filesystem(s)), 0);
        assert_int_equal(users.inode, 131);

        users.error = ETIMEDOUT;
        assert_int_equal(explain(s, "write-error", the_filesystem(s)), 0);
        assert_int_equal(told.error, ETIMEDOUT);

        /* What the machine stands on is not known of one that is not mounted: nobody is looked for. */
        assert_int_equal(explain(s, "{event: write-error, fs: {mounts: [/elsewhere]}}", NULL), 0);
        print_message("%s\n", told.decision);
        assert_non_null(strstr(told.decision, "denied: "));
        assert_int_equal(told.n_plans, 0);
        assert_int_equal(users.n_asked, 3);
}

/* The limit that the real thing would run into. */
static void test_no_room(void **state) {
        const HealthEvent event = { .kind = EVENT_WRITE_ERROR, .domain = DOMAIN_FILERANGE, .count = 1 };
        Setup *s = *state;
        const EventFacts facts = engine_facts(s->engine, &event, the_filesystem(s));

        policy_remember_workloads(s->engine->memory, s->engine->policy, &facts, "db", POLICY_MODE_ENFORCE, 1);
        assert_int_equal(explain(s, "write-error", the_filesystem(s)), 0);
        print_message("%s\n", told.refused);
        assert_non_null(strstr(told.refused, "limits: workloads: 1 per 1h"));
        assert_true(told.is_taken);
}

static void test_nonsense(void **state) {
        static const char *const events[] = {
                "", "# nothing", "[sick, sick]", "{fs: {mounts: [/srv]}}", "evnt: sick", "event: sikc", "{event: [",
                "a: &b 1",
        };
        Setup *s = *state;

        for (size_t i = 0; i < ELEMENTSOF(events); i++) {
                assert_int_equal(explain(s, events[i], NULL), -EINVAL);
                assert_int_equal(explain(s, events[i], the_filesystem(s)), -EINVAL);
        }
        assert_int_equal(told.n_answers, 0);
}

/* Whoever waits for the users is told that there is nothing to wait for. */
static void test_ends_meanwhile(void **state) {
        Setup *s = *state;

        users.is_silent = true;
        assert_int_equal(explain(s, "write-error", the_filesystem(s)), 0);
        assert_int_equal(told.n_answers, 0);
        engine_users_end_all(s->engine, ESHUTDOWN);
        assert_int_equal(told.n_answers, 1);
        assert_true(told.is_ending);
}

static void test_check_policy(void **state) {
        static const char good[] = "version: 1\nrules: []\n", bad[] = "version: 1\nruels: []\n";
        PolicyProblems problems = {};
        Setup *s = *state;
        const Policy *before = engine_policy(s->engine);

        assert_int_equal(engine_check_policy(s->engine, good, strlen(good), &problems), 0);
        assert_int_equal(problems.n_errors, 0);
        assert_int_equal(engine_check_policy(s->engine, bad, strlen(bad), &problems), -EINVAL);
        assert_int_equal(problems.n_errors, 1);
        assert_int_equal(problems.items[0].position.line, 2);
        assert_string_equal(policy_problems_file_name(&problems, problems.items[0].position.file), "policy");
        assert_ptr_equal(engine_policy(s->engine), before);
        policy_problems_clear(&problems);
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test_setup_teardown(test_live_memory, setup, engine_fixture_teardown),
                cmocka_unit_test_setup_teardown(test_live_facts, setup, engine_fixture_teardown),
                cmocka_unit_test_setup_teardown(test_paused, setup, engine_fixture_teardown),
                cmocka_unit_test_setup_teardown(test_who_would_be_taken, setup, engine_fixture_teardown),
                cmocka_unit_test_setup_teardown(test_no_room, setup, engine_fixture_teardown),
                cmocka_unit_test_setup_teardown(test_nonsense, setup, engine_fixture_teardown),
                cmocka_unit_test_setup_teardown(test_ends_meanwhile, setup, engine_fixture_teardown),
                cmocka_unit_test_setup_teardown(test_check_policy, setup, engine_fixture_teardown),
        };

        return cmocka_run_group_tests_name("engine-explain", tests, NULL, NULL);
}

/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Who uses a file system as a fact of an event: asked for only where a rule wants it, waited for so long and no longer.
 */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <errno.h>
#include <string.h>

#include "src/basic/clock.h"
#include "src/basic/text.h"
#include "tests/unit/engine-fixture.h"

/* What the worker has to say of who uses it. */
static struct {
        unsigned n_asked, n_busy;       /* the first @n_busy times it looks for others */
        WorkerUsersRequest last;
        bool is_silent;
        const char *unit;
        unsigned uses;
        WorkerUsersEnd end;
} users;

static void say_end(Setup *s, uint64_t request_id, WorkerUsersEnd end) {
        WorkerMessage message;

        worker_message_init(&message, WORKER_USERS_END);
        message.users_end = end;
        message.users_end.request_id = request_id;
        fake_worker_say(&s->worker, &message, -EBADF);
}

static void say_user(Setup *s, uint64_t request_id) {
        WorkerMessage message;

        worker_message_init(&message, WORKER_USER);
        message.user.request_id = request_id;
        message.user.kind = USER_PROCESS;
        message.user.uses = users.uses;
        message.user.pid = 7;
        message.user.uid = 117;
        message.user.owner = WORKLOAD_USER_NONE;
        strcpy(message.user.unit, users.unit);
        strcpy(message.user.slice, "system.slice");
        (void) snprintf(message.user.cgroup, sizeof(message.user.cgroup), "/system.slice/%s", users.unit);
        strcpy(message.user.account, "postgres");
        fake_worker_say(&s->worker, &message, -EBADF);
}

static void on_list_users(Setup *s, const WorkerUsersRequest *request) {
        users.n_asked++;
        users.last = *request;
        if (users.is_silent)
                return;
        if (users.n_asked <= users.n_busy) {
                say_end(s, request->request_id, (WorkerUsersEnd) { .error = EBUSY });
                return;
        }
        if (users.unit)
                say_user(s, request->request_id);
        say_end(s, request->request_id, users.end);
}

static const char rules[] = "version: 1\nbaseline: off\n"
                            "rules:\n"
                            "  - {id: db, match: {event: sick, workload: {unit: 'db@*.service', user: postgres,\n"
                            "                                             cgroup: {under: /system.slice}}},\n"
                            "     do: [notify, notify, notify]}\n"
                            "  - {id: other, match: {event: corrupt}, do: [log]}\n";

static int setup(void **state) {
        int r = engine_fixture_setup(state);
        Setup *s = *state;

        if (r < 0)
                return r;
        memset(&users, 0, sizeof(users));
        users.unit = "db@main.service";
        users.uses = USE_OPEN;
        s->on_list_users = on_list_users;
        write_policy(s, rules);
        return engine_reload_policy(s->engine);
}

/* The rule tells three times, who nobody took once. */
#define TAKEN 3
#define NOT_TAKEN 1

static bool is_decided(Setup *s) {
        return s->n_decisions > 0;
}

static void test_known(void **state) {
        Setup *s = *state;

        take_sick(s, STRUCTURE_AG_FINOBT, 0);
        run_quiet(s);
        assert_int_equal(users.n_asked, 1);
        assert_int_equal(users.last.device_number, DEVICE_NUMBER);
        assert_int_equal(users.last.inode, 0);
        assert_int_equal(s->n_notices, TAKEN);
}

/* Of the file that the event is about. */
static void test_of_a_file(void **state) {
        Setup *s = *state;

        take_sick(s, STRUCTURE_INODE_DIRECTORY, 131);
        run_quiet(s);
        assert_int_equal(users.last.inode, 131);
        assert_int_equal(s->n_notices, TAKEN);
}

static void test_another_unit(void **state) {
        Setup *s = *state;

        users.unit = "mail.service";
        take_sick(s, STRUCTURE_AG_FINOBT, 0);
        run_quiet(s);
        assert_int_equal(users.n_asked, 1);
        assert_int_equal(s->n_notices, NOT_TAKEN);
}

static void test_asked_for_only_where_it_is_wanted(void **state) {
        Setup *s = *state;

        write_policy(s, "version: 1\n"
                        "rules: [{id: a, match: {event: corrupt, workload: {unit: x.service}}, do: [log]}]\n");
        assert_int_equal(engine_reload_policy(s->engine), 0);
        take_sick(s, STRUCTURE_AG_FINOBT, 0);
        run_quiet(s);
        assert_int_equal(users.n_asked, 0);
        assert_int_equal(s->n_repairs, 1);

        /* Whoever uses it, the rule is about another one. */
        write_policy(s, "version: 1\n"
                        "rules: [{id: a, match: {fs: {mount: /home}, workload: {unit: x.service}}, do: [log]}]\n");
        assert_int_equal(engine_reload_policy(s->engine), 0);
        take_sick(s, STRUCTURE_AG_BNOBT, 0);
        run_quiet(s);
        assert_int_equal(users.n_asked, 0);
        assert_int_equal(s->n_repairs, 2);
}

/* No repair begins ahead of what may forbid it. */
static void test_nothing_ahead(void **state) {
        Setup *s = *state;

        write_policy(s, "version: 1\n"
                        "protect: [{id: db, match: {workload: {unit: 'db@*'}}, deny: [repair]}]\n");
        assert_int_equal(engine_reload_policy(s->engine), 0);
        take_sick(s, STRUCTURE_AG_FINOBT, 0);
        run_quiet(s);
        assert_int_equal(s->n_repairs, 0);

        users.unit = "mail.service";
        the_filesystem(s)->facts.autofsck_state = FACT_KNOWN;
        the_filesystem(s)->facts.autofsck = AUTOFSCK_REPAIR;
        TAILQ_FIRST(&s->engine->watches)->users.came_usec = 0;
        take_sick(s, STRUCTURE_AG_BNOBT, 0);
        run_quiet(s);
        assert_int_equal(users.n_asked, 2);
        assert_int_equal(s->n_repairs, 1);
}

/* Not all of them were looked at: there may be others, and the ones that are known are enough. */
static void test_partial(void **state) {
        Setup *s = *state;

        users.end.n_unlooked = 1;
        take_sick(s, STRUCTURE_AG_FINOBT, 0);
        run_quiet(s);
        assert_int_equal(s->n_notices, TAKEN);

        write_policy(s, "version: 1\nbaseline: off\n"
                        "rules: [{id: a, match: {workload: {unit: {not: 'x*'}}}, do: [log]}]\n");
        assert_int_equal(engine_reload_policy(s->engine), 0);
        take_sick(s, STRUCTURE_AG_FINOBT, 0);
        run_quiet(s);
        assert_int_equal(s->n_notices, TAKEN + 1);
}

/* Whether it uses it nobody could look at. */
static void test_unknown_use(void **state) {
        Setup *s = *state;

        users.uses = USE_UNKNOWN;
        take_sick(s, STRUCTURE_AG_FINOBT, 0);
        run_quiet(s);
        assert_int_equal(s->n_notices, NOT_TAKEN);
        assert_true(TAILQ_FIRST(&s->engine->watches)->users.facts.is_partial);
        assert_int_equal(TAILQ_FIRST(&s->engine->watches)->users.facts.n_items, 0);
}

static void test_failed(void **state) {
        Setup *s = *state;

        users.end.error = EIO;
        take_sick(s, STRUCTURE_AG_FINOBT, 0);
        run_quiet(s);
        assert_int_equal(s->n_decisions, 1);
        assert_int_equal(s->n_notices, NOT_TAKEN);
        assert_int_equal(TAILQ_FIRST(&s->engine->watches)->users.error, EIO);
}

/* It looks at others just now. */
static void test_busy(void **state) {
        Setup *s = *state;

        users.n_busy = 2;
        take_sick(s, STRUCTURE_AG_FINOBT, 0);
        run_until(s, is_decided);
        assert_int_equal(users.n_asked, 3);
        run_quiet(s);
        assert_int_equal(s->n_notices, TAKEN);
}

/* Five seconds, whatever the worker does; what comes later is nobody's. */
static void test_too_late(void **state) {
        Setup *s = *state;
        uint64_t begin = clock_monotonic_usec();

        users.is_silent = true;
        take_sick(s, STRUCTURE_AG_FINOBT, 0);
        run_until(s, is_decided);
        assert_in_range(clock_monotonic_usec() - begin, 4 * USEC_PER_SEC, 25 * USEC_PER_SEC);
        run_quiet(s);
        assert_int_equal(s->n_notices, NOT_TAKEN);
        assert_int_equal(TAILQ_FIRST(&s->engine->watches)->users.error, ETIMEDOUT);

        say_user(s, users.last.request_id);
        say_end(s, users.last.request_id, (WorkerUsersEnd) {});
        run_quiet(s);
        assert_int_equal(s->n_decisions, 1);
        assert_int_equal(s->engine->n_users_questions, 0);
}

/* A policy that comes meanwhile, and what the file system takes along. */
static void test_given_up(void **state) {
        Setup *s = *state;
        uint64_t first;

        users.is_silent = true;
        take_sick(s, STRUCTURE_AG_FINOBT, 0);
        run_quiet(s);
        first = users.last.request_id;
        assert_int_equal(s->n_decisions, 0);

        users.is_silent = false;
        assert_int_equal(engine_reload_policy(s->engine), 0);
        run_quiet(s);
        assert_int_equal(users.n_asked, 2);
        assert_int_equal(s->n_notices, TAKEN);
        say_end(s, first, (WorkerUsersEnd) {});
        run_quiet(s);
        assert_int_equal(s->n_decisions, 1);

        /* Torn down while it is looked up. */
        users.is_silent = true;
        take_sick(s, STRUCTURE_AG_BNOBT, 0);
        run_quiet(s);
        assert_int_equal(users.n_asked, 3);
}

/* Both questions have to be answered, in whatever order. */
static void test_facts_come_later(void **state) {
        Setup *s = *state;

        write_policy(s, "version: 1\nbaseline: off\n"
                        "rules: [{id: a, match: {workload: {unit: 'db@*'}, fs: {autofsck: repair}}, do: [notify]}]\n");
        assert_int_equal(engine_reload_policy(s->engine), 0);
        s->is_gather_silent = true;
        take_sick(s, STRUCTURE_AG_FINOBT, 0);
        run_quiet(s);
        assert_int_equal(users.n_asked, 1);
        assert_int_equal(s->n_gathers, 1);
        assert_int_equal(s->n_decisions, 0);

        s->is_gather_silent = false;
        answer_gather(s, &s->last_gather);
        run_quiet(s);
        assert_int_equal(s->n_decisions, 1);
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test_setup_teardown(test_known, setup, engine_fixture_teardown),
                cmocka_unit_test_setup_teardown(test_of_a_file, setup, engine_fixture_teardown),
                cmocka_unit_test_setup_teardown(test_another_unit, setup, engine_fixture_teardown),
                cmocka_unit_test_setup_teardown(test_asked_for_only_where_it_is_wanted, setup, engine_fixture_teardown),
                cmocka_unit_test_setup_teardown(test_nothing_ahead, setup, engine_fixture_teardown),
                cmocka_unit_test_setup_teardown(test_partial, setup, engine_fixture_teardown),
                cmocka_unit_test_setup_teardown(test_unknown_use, setup, engine_fixture_teardown),
                cmocka_unit_test_setup_teardown(test_failed, setup, engine_fixture_teardown),
                cmocka_unit_test_setup_teardown(test_busy, setup, engine_fixture_teardown),
                cmocka_unit_test_setup_teardown(test_too_late, setup, engine_fixture_teardown),
                cmocka_unit_test_setup_teardown(test_given_up, setup, engine_fixture_teardown),
                cmocka_unit_test_setup_teardown(test_facts_come_later, setup, engine_fixture_teardown),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}

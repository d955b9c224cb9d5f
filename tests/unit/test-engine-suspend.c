/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Pauses and made-up events: nothing is begun by itself, everything is told, what persons order is done, and what was
 * held back is looked at again. Pauses end by themselves, and survive.
 */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <errno.h>
#include <string.h>

#include "src/basic/clock.h"
#include "src/engine/engine-suspend.h"
#include "tests/unit/engine-fixture.h"

#define UID 7

static struct {
        char key[ENGINE_STATE_KEY_SIZE];
        char value[ENGINE_STATE_VALUE_MAX];
        size_t size_bytes;              /* 0: nothing is kept */
        unsigned n_removed;
        SuspensionChange change;
        unsigned n_changes;
} seen;

static void put(_unused_ void *userdata, const char *key, const void *value, size_t size_bytes) {
        if (strncmp(key, "suspend/", 8) != 0)
                return;
        (void) snprintf(seen.key, sizeof(seen.key), "%s", key);
        memcpy(seen.value, value, size_bytes);
        seen.size_bytes = size_bytes;
}

static void forget(_unused_ void *userdata, const char *key) {
        seen.n_removed += strcmp(key, seen.key) == 0;
}

static void on_suspension(_unused_ void *userdata, _unused_ const Suspension *suspension, SuspensionChange change,
                          _unused_ uint32_t uid) {
        seen.change = change;
        seen.n_changes++;
}

static void before_start(Setup *s) {
        memset(&seen, 0, sizeof(seen));
        assert_int_equal(engine_add_observer(s->engine, &(EngineObserver) { .on_suspension = on_suspension }), 0);
}

static int setup(void **state) {
        int r = engine_fixture_setup_with(state, before_start);
        Setup *s = *state;

        s->engine->options.state_keeper = (StateKeeper) { put, forget, NULL };
        engine_state_loaded(s->engine);
        return r;
}

static void pause_it(Setup *s, const char *id, uint64_t for_usec) {
        Suspension wish = {
                .kind = SUSPENSION_PAUSE,
                .uid = UID,
                .reason = "the shelf is moved",
                .until_usec = for_usec == 0 ? 0 : clock_realtime_usec() + for_usec,
        };

        (void) snprintf(wish.id, sizeof(wish.id), "%s", id);
        assert_int_equal(engine_suspend(s->engine, &wish, NULL), 0);
}

static const char *own_id(Setup *s) {
        static char key[FILESYSTEM_KEY_SIZE];

        return filesystem_key(&the_filesystem(s)->facts, key);
}

static void resume(Setup *s, const char *id) {
        assert_int_equal(engine_unsuspend(s->engine, SUSPENSION_PAUSE, id, UID), 0);
        run_quiet(s);
}

static void assert_held_back(Setup *s) {
        run_quiet(s);
        assert_int_equal(s->n_repairs, 0);
        assert_string_equal(s->refused_why, "paused by uid 7: the shelf is moved");
        assert_non_null(condition_find(&the_filesystem(s)->conditions, CONDITION_SICK, "agno 0x0 finobt"));
}

static void test_pause(void **state) {
        Setup *s = *state;

        pause_it(s, SUSPENSION_ALL, 0);
        assert_int_equal(seen.change, SUSPENSION_SET);
        take_sick(s, STRUCTURE_AG_FINOBT, 0);
        assert_held_back(s);
        assert_int_equal(s->kinds[0], EVENT_SICK);
        assert_int_equal(engine_pause_of(s->engine, NULL)->n_matched, 1);

        resume(s, SUSPENSION_ALL);
        assert_int_equal(seen.change, SUSPENSION_ENDED);
        assert_int_equal(s->n_repairs, 1);
        assert_int_equal(the_filesystem(s)->totals.n_healed, 1);
        assert_int_equal(the_filesystem(s)->conditions.n_items, 0);
        assert_int_equal(engine_unsuspend(s->engine, SUSPENSION_PAUSE, SUSPENSION_ALL, UID), -ENXIO);
}

/* Of one file system: the end of the machine's pause does not end it. */
static void test_pause_of_one(void **state) {
        Setup *s = *state;

        pause_it(s, own_id(s), 0);
        pause_it(s, SUSPENSION_ALL, 0);
        take_sick(s, STRUCTURE_AG_FINOBT, 0);
        assert_held_back(s);
        resume(s, SUSPENSION_ALL);
        assert_int_equal(s->n_repairs, 0);
        assert_null(engine_pause_of(s->engine, NULL));
        assert_non_null(engine_pause_of(s->engine, the_filesystem(s)));
        resume(s, own_id(s));
        assert_int_equal(s->n_repairs, 1);
}

static void test_pause_of_another(void **state) {
        Setup *s = *state;

        pause_it(s, "0b5f1f2e-5d5d-4b6b-9c4e-1f2e3d4c5b6a", 0);
        take_sick(s, STRUCTURE_AG_FINOBT, 0);
        run_until(s, is_taken);
        assert_int_equal(s->n_repairs, 1);
}

static void test_orders_of_persons(void **state) {
        Setup *s = *state;
        CallerOrder order = {
                .filesystem = the_filesystem(s),
                .action = ACTION_REPAIR,
                .target = { .structure = STRUCTURE_AG_FINOBT },
                .timeout_usec = USEC_INFINITY,
        };
        char *denied = NULL;
        Job *job;

        pause_it(s, SUSPENSION_ALL, 0);
        the_filesystem(s)->monitor_state = MONITOR_OPENED;
        assert_int_equal(engine_order(s->engine, &order, &job, &denied), 1);
        run_until(s, is_taken);
        assert_int_equal(s->n_repairs, 1);
}

/* Telling goes on. */
static void test_rules(void **state) {
        Setup *s = *state;

        write_policy(s, "version: 1\nrules:\n  - {id: r, match: {event: sick}, do: [notify, repair, scrub]}\n");
        assert_int_equal(engine_reload_policy(s->engine), 0);
        pause_it(s, SUSPENSION_ALL, 0);
        take_sick(s, STRUCTURE_AG_FINOBT, 0);
        assert_held_back(s);
        assert_int_equal(s->n_notices, 1);
        assert_int_equal(s->n_refused, 2);
        assert_int_equal(s->n_scrubs, 0);
        assert_int_equal(s->engine->n_sequences, 0);
}

static bool is_over(_unused_ Setup *s) {
        return seen.change == SUSPENSION_EXPIRED;
}

static void test_ends_by_itself(void **state) {
        Setup *s = *state;

        pause_it(s, SUSPENSION_ALL, USEC_PER_SEC / 2);
        take_sick(s, STRUCTURE_AG_FINOBT, 0);
        assert_held_back(s);
        run_until(s, is_over);
        run_until(s, is_taken);
        assert_int_equal(s->n_repairs, 1);
        assert_int_equal(seen.n_removed, 1);
        assert_null(engine_pause_of(s->engine, NULL));
}

static void test_survives(void **state) {
        Setup *s = *state;
        char key[ENGINE_STATE_KEY_SIZE];

        pause_it(s, SUSPENSION_ALL, USEC_PER_HOUR);
        strcpy(key, seen.key);
        assert_string_equal(key, "suspend/pause/all");
        engine_suspensions_stop(s->engine);
        assert_int_equal(engine_suspensions_start(s->engine), 0);
        assert_null(engine_pause_of(s->engine, NULL));

        assert_int_equal(engine_adopt_state(s->engine, key, seen.value, seen.size_bytes), 0);
        engine_state_loaded(s->engine);
        assert_int_equal(seen.change, SUSPENSION_BACK);
        assert_int_equal(engine_pause_of(s->engine, NULL)->uid, UID);
        take_sick(s, STRUCTURE_AG_FINOBT, 0);
        assert_held_back(s);
        resume(s, SUSPENSION_ALL);
        assert_int_equal(s->n_repairs, 1);
        assert_int_equal(seen.n_removed, 1);
}

/* Half a row, another version, and another's key. */
static void test_bad_rows(void **state) {
        static const uint32_t version = 99;
        Setup *s = *state;

        pause_it(s, SUSPENSION_ALL, 0);
        engine_suspensions_stop(s->engine);
        assert_int_equal(engine_suspensions_start(s->engine), 0);
        assert_int_equal(engine_adopt_state(s->engine, seen.key, seen.value, seen.size_bytes - 1), -EBADMSG);
        assert_int_equal(engine_adopt_state(s->engine, seen.key, &version, sizeof(version)), -EPROTONOSUPPORT);
        assert_int_equal(engine_adopt_state(s->engine, "suspend/pause/8:1", seen.value, seen.size_bytes), -EBADMSG);
        assert_null(engine_pause_of(s->engine, NULL));
}

/* Rows come from a disk that may be sick: texts without an end are not read beyond it (the sanitizers look). */
static void test_damaged_rows(void **state) {
        uint8_t row[ENGINE_STATE_VALUE_MAX];
        unsigned n_refused = 0, seed = 1;
        Setup *s = *state;
        char key[ENGINE_STATE_KEY_SIZE];
        size_t size;

        pause_it(s, SUSPENSION_ALL, 0);
        strcpy(key, seen.key);
        size = seen.size_bytes;
        memcpy(row, seen.value, size);
        for (unsigned i = 0; i < 2000; i++) {
                _cleanup_(free_at) uint8_t *damaged = malloc(size);
                size_t at, length;
                int r;

                assert_non_null(damaged);
                memcpy(damaged, row, size);
                seed = seed * 1103515245 + 12345;
                at = seed / 65536 % size;
                seed = seed * 1103515245 + 12345;
                length = seed / 65536 % 600;
                memset(damaged + at, seed % 2 ? 0xff : 'x', min_of(length, size - at));
                engine_suspensions_stop(s->engine);
                assert_int_equal(engine_suspensions_start(s->engine), 0);
                r = engine_adopt_state(s->engine, key, damaged, size);
                assert_true(r == 0 || r == -EBADMSG || r == -EPROTONOSUPPORT);
                n_refused += r < 0;
        }
        assert_true(n_refused > 50);
}

static void test_limit(void **state) {
        Setup *s = *state;
        Suspension wish = { .kind = SUSPENSION_PAUSE, .reason = "x" };

        for (unsigned i = 0; i < ENGINE_SUSPENSIONS_MAX; i++) {
                (void) snprintf(wish.id, sizeof(wish.id), "8:%u", i);
                assert_int_equal(engine_suspend(s->engine, &wish, NULL), 0);
        }
        strcpy(wish.id, SUSPENSION_ALL);
        assert_int_equal(engine_suspend(s->engine, &wish, NULL), -ENOBUFS);
        /* Another time for one that there is. */
        strcpy(wish.id, "8:0");
        assert_int_equal(engine_suspend(s->engine, &wish, NULL), 0);
}

static uint64_t inject(Setup *s, EventKind kind, Structure structure) {
        const HealthEvent event = {
                .filesystem_id = the_filesystem(s)->id,
                .kind = kind,
                .domain = structure == STRUCTURE_NONE ? DOMAIN_MOUNT : structure_domain(structure),
                .structure = structure,
        };
        uint64_t id = 0;

        assert_int_equal(engine_inject_test_event(s->engine, &event, &id), 0);
        run_quiet(s);
        return id;
}

/* Decided on and told as if it were so; nothing is done, nothing stays. */
static void test_made_up(void **state) {
        Setup *s = *state;

        write_policy(s, "version: 1\nrules:\n  - id: r\n    match: {event: sick}\n    gather: {quiet: 1h, max: 2h}\n"
                        "    do: [notify, condition, repair, {start-unit: {unit: 'restore@.service'}}]\n");
        assert_int_equal(engine_reload_policy(s->engine), 0);
        assert_true(inject(s, EVENT_SICK, STRUCTURE_AG_FINOBT) != 0);
        assert_int_equal(s->kinds[0], EVENT_SICK);
        assert_int_equal(s->n_events, 1);
        assert_int_equal(s->n_notices, 1);
        assert_int_equal(s->n_refused, 3);
        assert_string_equal(s->refused_why, "test event");
        assert_int_equal(s->n_repairs + s->n_units, 0);
        assert_int_equal(the_filesystem(s)->conditions.n_items, 0);
        assert_int_equal(the_filesystem(s)->totals.n_events + the_filesystem(s)->totals.n_refused, 0);
        assert_int_equal(engine_totals(s->engine)->n_refused, 0);
        assert_int_equal(s->engine->n_sequences, 0);
        assert_null(deferred_table_next(s->engine->deferred, NULL));
        assert_false(memory_table_is_changed(policy_memory_table(s->engine->memory)));
}

static void test_made_up_baseline(void **state) {
        Setup *s = *state;

        inject(s, EVENT_SICK, STRUCTURE_AG_FINOBT);
        inject(s, EVENT_SHUTDOWN, STRUCTURE_NONE);
        assert_int_equal(s->n_repairs, 0);
        assert_false(the_filesystem(s)->is_shut_down);
        assert_int_equal(the_filesystem(s)->conditions.n_items, 0);
        /* What is real is dealt with. */
        take_sick(s, STRUCTURE_AG_FINOBT, 0);
        run_until(s, is_taken);
        assert_int_equal(s->n_repairs, 1);
}

static void test_made_up_limits(void **state) {
        Setup *s = *state;
        HealthEvent event = { .filesystem_id = the_filesystem(s)->id, .kind = EVENT_HEALTHY };
        uint64_t id;

        assert_int_equal(engine_inject_test_event(s->engine, &event, &id), -EINVAL);
        event.kind = EVENT_UNMOUNTED;
        assert_int_equal(engine_inject_test_event(s->engine, &event, &id), -EINVAL);
        event.kind = EVENT_SHUTDOWN;
        event.filesystem_id = 4711;
        assert_int_equal(engine_inject_test_event(s->engine, &event, &id), -ENOENT);
        for (unsigned i = 0; i < ENGINE_TEST_EVENTS_MAX; i++)
                inject(s, EVENT_SHUTDOWN, STRUCTURE_NONE);
        event.filesystem_id = the_filesystem(s)->id;
        assert_int_equal(engine_inject_test_event(s->engine, &event, &id), -EBUSY);
        s->engine->test_events_since_usec -= USEC_PER_MINUTE;
        assert_int_equal(engine_inject_test_event(s->engine, &event, &id), 0);
        run_quiet(s);
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test_setup_teardown(test_pause, setup, engine_fixture_teardown),
                cmocka_unit_test_setup_teardown(test_pause_of_one, setup, engine_fixture_teardown),
                cmocka_unit_test_setup_teardown(test_pause_of_another, setup, engine_fixture_teardown),
                cmocka_unit_test_setup_teardown(test_orders_of_persons, setup, engine_fixture_teardown),
                cmocka_unit_test_setup_teardown(test_rules, setup, engine_fixture_teardown),
                cmocka_unit_test_setup_teardown(test_ends_by_itself, setup, engine_fixture_teardown),
                cmocka_unit_test_setup_teardown(test_survives, setup, engine_fixture_teardown),
                cmocka_unit_test_setup_teardown(test_bad_rows, setup, engine_fixture_teardown),
                cmocka_unit_test_setup_teardown(test_damaged_rows, setup, engine_fixture_teardown),
                cmocka_unit_test_setup_teardown(test_limit, setup, engine_fixture_teardown),
                cmocka_unit_test_setup_teardown(test_made_up, setup, engine_fixture_teardown),
                cmocka_unit_test_setup_teardown(test_made_up_baseline, setup, engine_fixture_teardown),
                cmocka_unit_test_setup_teardown(test_made_up_limits, setup, engine_fixture_teardown),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}

/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Whose a kept condition is, when file systems change place, and what is too much or no row at all.
 */
#include "tests/unit/kept-conditions-fixture.h"

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
                TEST(test_clone),
                TEST(test_without_uuid),
                TEST(test_another_uuid),
                TEST(test_too_many_wait),
                TEST(test_nonsense),
        };

        return cmocka_run_group_tests_name("kept-conditions", tests, NULL, NULL);
}

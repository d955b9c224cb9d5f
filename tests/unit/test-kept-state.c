/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * State that survives healerd: what is told to the recorder, how often, and what comes back.
 */
#include "tests/unit/kept-state-fixture.h"

static void test_loaded(void **state) {
        Setup *s = *state;

        s->told = "a=1 b= c=3";
        load(s);
        assert_string_equal(s->rows, " a=1 b= c=3");
        assert_int_equal(s->n_loaded, 1);
        assert_true(s->is_durable);
        assert_string_equal(s->changes, "");

        put(s, "a", "1");
        put(s, "b", "2");
        assert_int_equal(kept_state_remove(s->state, "c"), 0);
        assert_int_equal(kept_state_remove(s->state, "never there"), 0);
        wait_until(s, is_confirmed);
        assert_string_equal(s->changes, " +b=2 -c");
}

/* What this run has done counts, whatever the store says. */
static void test_no_row_overwrites(void **state) {
        Setup *s = *state;

        put(s, "changed", "new");
        put(s, "same", "1");
        put(s, "removed", "new");
        assert_int_equal(kept_state_remove(s->state, "removed"), 0);
        assert_int_equal(kept_state_remove(s->state, "removed before it was told"), 0);
        s->told = "changed=old other=1 removed=old same=1";
        load(s);
        assert_string_equal(s->rows, " other=1");
        wait_until(s, is_confirmed);
        /* Removals come first. */
        assert_non_null(strstr(s->changes, "-removed "));
        assert_non_null(strstr(s->changes, "+changed=new"));
        assert_true(strstr(s->changes, "-removed ") < strstr(s->changes, "+changed=new"));
        assert_null(strstr(s->changes, "same"));
        assert_null(strstr(s->changes, "other"));
}

/* A row that its owner does not want is removed from the store. */
static void test_refused_by_its_owner(void **state) {
        Setup *s = *state;

        s->told = "bad=x good=1";
        (void) text_copy(s->refused_key, sizeof(s->refused_key), "bad");
        load(s);
        wait_until(s, is_confirmed);
        assert_string_equal(s->changes, " -bad");
}

static void test_broken_before_it_was_confirmed(void **state) {
        Setup *s = *state;

        load(s);
        s->confirms = false;
        put(s, "a", "1");
        wait_until(s, has_one_on_its_way);
        assert_int_equal(kept_state_n_waiting(s->state), 1);

        /* It had not arrived. */
        reconnect(s);
        assert_string_equal(s->changes, " +a=1");
        assert_int_equal(kept_state_n_waiting(s->state), 1);
        /* It had. */
        s->told = "a=1";
        reconnect(s);
        assert_string_equal(s->changes, "");
        assert_int_equal(kept_state_n_waiting(s->state), 0);
        assert_string_equal(s->rows, "");

        assert_int_equal(kept_state_remove(s->state, "a"), 0);
        wait_until(s, has_one_on_its_way);
        reconnect(s);
        assert_string_equal(s->changes, " -a");
        s->told = "";
        s->confirms = true;
        reconnect(s);
        wait_until(s, is_confirmed);
        assert_int_equal(s->n_loaded, 1);
}

/* Between two sendings only the newest counts. */
static void test_coalesced(void **state) {
        Setup *s = *state;
        char value[16];

        for (unsigned i = 0; i < 100; i++) {
                (void) snprintf(value, sizeof(value), "%u", i);
                put(s, "before the line", value);
        }
        s->confirms = false;
        load(s);
        assert_string_equal(s->changes, " +before the line=99");
        confirm(s);
        run_quiet(s);

        for (unsigned i = 0; i < 100; i++) {
                (void) snprintf(value, sizeof(value), "%u", i);
                put(s, "a", value);
                put(s, "there and gone", value);
                assert_int_equal(kept_state_remove(s->state, "there and gone"), 0);
                run_quiet(s);
        }
        assert_string_equal(s->changes, " +before the line=99 +a=0 +there and gone=0");
        assert_int_equal(kept_state_n_waiting(s->state), 2);
        confirm(s);
        run_quiet(s);
        assert_string_equal(s->changes, " +before the line=99 +a=0 +there and gone=0 +a=99 -there and gone");
        confirm(s);
        run_quiet(s);
        assert_int_equal(kept_state_n_waiting(s->state), 0);
}

/* A recorder without memory of what it confirmed is told everything that is current, and nothing else. */
static void test_came_back_empty(void **state) {
        Setup *s = *state;

        s->tells_memory = true;
        s->told = "a=1 b=2 c=3";
        load(s);
        assert_false(s->is_durable);
        put(s, "b", "4");
        put(s, "d", "5");
        assert_int_equal(kept_state_remove(s->state, "c"), 0);
        wait_until(s, is_confirmed);

        s->told = "";
        reconnect(s);
        wait_until(s, is_confirmed);
        /* That a folder which was away all the time may have c is not forgotten. */
        assert_string_equal(s->changes, " -c +a=1 +b=4 +d=5");
        assert_int_equal(s->n_loaded, 1);
        assert_string_equal(s->rows, " a=1 b=2 c=3");
}

/* Memory first; then the folder of an earlier run can be used, and has what nobody knew. */
static void test_folder_comes_late(void **state) {
        Setup *s = *state;

        s->tells_memory = true;
        load(s);
        put(s, "mine", "new");
        assert_int_equal(kept_state_remove(s->state, "cleared"), 0);
        wait_until(s, is_confirmed);
        assert_string_equal(s->changes, " +mine=new -cleared");
        s->changes[0] = 0;

        tell_rows(s, "cleared=old mine=new old=1", true, 0);
        wait_until(s, is_confirmed);
        run_quiet(s);
        assert_string_equal(s->rows, " old=1");
        assert_int_equal(s->n_loaded, 2);
        assert_true(s->is_durable);
        assert_string_equal(s->changes, " -cleared");

        /* From now on what we do not know is not to be there. */
        s->changes[0] = 0;
        tell_rows(s, "cleared=old mine=new old=1 other=1", true, 0);
        run_quiet(s);
        assert_string_equal(s->rows, " old=1");
        assert_string_equal(s->changes, " -cleared -other");
        assert_int_equal(s->n_loaded, 2);
}

/* Rows that could only be read in part are ours from then on, and memory is told all of them. */
static void test_unreadable_store(void **state) {
        Setup *s = *state;

        s->told = "a=1 b=2";
        s->tells_memory = true;
        s->error = EIO;
        load(s);
        wait_until(s, is_confirmed);
        assert_string_equal(s->rows, " a=1 b=2");
        assert_string_equal(s->changes, " +a=1 +b=2");
        assert_false(s->is_durable);
}

static void test_nobody_tells(void **state) {
        Setup *s = *state;

        stop(s);
        is_deadline_short = true;
        s->told = NULL;
        start(s);
        listen_here(s);
        wait_until(s, is_loaded);
        assert_false(s->is_durable);
        put(s, "a", "1");

        /* It comes later all the same. */
        wait_until(s, is_greeted);
        tell_rows(s, "a=0 b=2", false, 0);
        run_quiet(s);
        assert_string_equal(s->rows, " b=2");
        assert_int_equal(s->n_loaded, 2);
        assert_string_equal(s->changes, " +a=1");
}

/* One that does not read: nothing waits for it, and it gets everything when it reads again. */
static void test_stands_still(void **state) {
        enum { N = 5000 };
        static char value[HISTORY_VALUE_MAX];
        Setup *s = *state;
        char key[16];

        load(s);
        assert_true(sd_event_source_set_enabled(s->io_source, SD_EVENT_OFF) >= 0);
        memset(value, 'v', sizeof(value));
        for (unsigned i = 0; i < N; i++) {
                (void) snprintf(key, sizeof(key), "%u", i);
                assert_int_equal(kept_state_put(s->state, key, value, sizeof(value)), 0);
        }
        run_quiet(s);
        assert_int_equal(kept_state_n_waiting(s->state), N);
        assert_true(sd_event_source_set_enabled(s->io_source, SD_EVENT_ON) >= 0);
        wait_until(s, is_confirmed);
        assert_int_equal(s->n_changes, N);
        assert_int_equal(kept_state_n_dropped(s->state), 0);
}

static void test_limit(void **state) {
        Setup *s = *state;
        char key[16];

        load(s);
        for (unsigned i = 0; i < HISTORY_KEPT_MAX; i++) {
                (void) snprintf(key, sizeof(key), "%u", i);
                put(s, key, "v");
        }
        assert_int_equal(kept_state_put(s->state, "one more", "v", 1), -ENOBUFS);
        assert_int_equal(kept_state_n_dropped(s->state), 1);
        put(s, "7", "what is there can be changed");
        assert_int_equal(kept_state_remove(s->state, "8"), 0);
        wait_until(s, is_confirmed);
        put(s, "one more", "v");
        assert_int_equal(kept_state_n_dropped(s->state), 1);
        wait_until(s, is_confirmed);
}

static void test_wrong(void **state) {
        static char key[HISTORY_KEY_SIZE + 1], value[HISTORY_VALUE_MAX + 1];
        Setup *s = *state;

        memset(key, 'k', sizeof(key) - 1);
        assert_int_equal(kept_state_put(s->state, "", "v", 1), -EINVAL);
        assert_int_equal(kept_state_put(s->state, key, "v", 1), -EINVAL);
        assert_int_equal(kept_state_put(s->state, "a\nb", "v", 1), -EINVAL);
        assert_int_equal(kept_state_put(s->state, "k", value, sizeof(value)), -EINVAL);
        assert_int_equal(kept_state_remove(s->state, ""), -EINVAL);
        assert_int_equal(kept_state_n_waiting(s->state), 0);
        key[HISTORY_KEY_SIZE - 1] = 0;
        assert_int_equal(kept_state_put(s->state, key, value, sizeof(value) - 1), 0);
        load(s);
        wait_until(s, is_confirmed);
        assert_int_equal(s->n_changes, 1);
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test_setup_teardown(test_loaded, setup, teardown),
                cmocka_unit_test_setup_teardown(test_no_row_overwrites, setup, teardown),
                cmocka_unit_test_setup_teardown(test_refused_by_its_owner, setup, teardown),
                cmocka_unit_test_setup_teardown(test_broken_before_it_was_confirmed, setup, teardown),
                cmocka_unit_test_setup_teardown(test_coalesced, setup, teardown),
                cmocka_unit_test_setup_teardown(test_came_back_empty, setup, teardown),
                cmocka_unit_test_setup_teardown(test_folder_comes_late, setup, teardown),
                cmocka_unit_test_setup_teardown(test_unreadable_store, setup, teardown),
                cmocka_unit_test_setup_teardown(test_nobody_tells, setup, teardown),
                cmocka_unit_test_setup_teardown(test_stands_still, setup, teardown),
                cmocka_unit_test_setup_teardown(test_limit, setup, teardown),
                cmocka_unit_test_setup_teardown(test_wrong, setup, teardown),
        };

        log_set_max_level(LOG_ERR);
        return cmocka_run_group_tests_name("kept-state", tests, NULL, NULL);
}

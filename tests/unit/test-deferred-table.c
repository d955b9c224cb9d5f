/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What waits: joined, limited, found when it is due, kept as lines. What rules make of it stands in tests/policy/cases.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>

#include "policy/deferred-table.h"
#include "tests/unit/policy-fixture.h"

#define SECOND USEC_PER_SEC

static Decision waits_for(void) {
        return (Decision) { .rule_id = "lasts", .wait = WAIT_LASTING, .wait_usec = 60 * SECOND };
}

static Decision gathers(void) {
        return (Decision) {
                .rule_id = "files",
                .wait = WAIT_GATHER,
                .wait_usec = 30 * SECOND,
                .wait_max_usec = 100 * SECOND,
                .gather_parts = EVENT_PART_BIT(EVENT_PART_FS),
        };
}

static Decision waits_in(void) {
        Decision decision = { .rule_id = "night", .n_actions = 2 };

        decision.actions[1] = (ActionRequest) {
                .kind = ACTION_SCRUB,
                .is_deferred = true,
                .deferred_usec = 3600 * SECOND,
                .expires_usec = 7200 * SECOND,
        };
        return decision;
}

static void facts_at(Fixture *fixture, uint64_t sec) {
        fixture_init(fixture);
        fixture->facts.now_boottime_usec = sec * SECOND;
}

static void test_for(_unused_ void **state) {
        _cleanup_(deferred_table_free_at) DeferredTable *table = NULL;
        const Decision decision = waits_for();
        Deferred *first, *again, *other;
        Fixture fixture;

        assert_int_equal(deferred_table_new(&table), 0);
        assert_int_equal(deferred_table_due_usec(table), USEC_INFINITY);
        facts_at(&fixture, 1000);
        assert_int_equal(deferred_table_add(table, &decision, 0, &fixture.facts, &first), 1);
        /* Again is no later. */
        fixture.facts.now_boottime_usec = 1030 * SECOND;
        assert_int_equal(deferred_table_add(table, &decision, 0, &fixture.facts, &again), 0);
        assert_ptr_equal(first, again);
        assert_int_equal(first->n_events, 1);
        fixture.event.group = 4;
        assert_int_equal(deferred_table_add(table, &decision, 0, &fixture.facts, &other), 1);

        assert_int_equal(deferred_table_due_usec(table), 1060 * SECOND);
        assert_null(deferred_table_due(table, 1059 * SECOND));
        assert_ptr_equal(deferred_table_due(table, 1060 * SECOND), first);

        fixture.event.kind = EVENT_HEALTHY;
        assert_ptr_equal(deferred_table_healed(table, &fixture.facts), other);
        fixture.event.group = 5;
        assert_null(deferred_table_healed(table, &fixture.facts));
}

static void test_gather(_unused_ void **state) {
        _cleanup_(deferred_table_free_at) DeferredTable *table = NULL;
        const char *paths[] = { "/srv/a", NULL };
        const Decision decision = gathers();
        Fixture fixture;
        Deferred *item;

        assert_int_equal(deferred_table_new(&table), 0);
        facts_at(&fixture, 1000);
        fixture.facts.path_state = FACT_KNOWN;
        fixture.facts.paths = paths;
        assert_int_equal(deferred_table_add(table, &decision, 0, &fixture.facts, &item), 1);
        assert_int_equal(item->due_usec, 1030 * SECOND);
        fixture.facts.now_boottime_usec = 1020 * SECOND;
        assert_int_equal(deferred_table_add(table, &decision, 0, &fixture.facts, &item), 0);
        assert_int_equal(item->due_usec, 1050 * SECOND);
        assert_int_equal(item->n_events, 1);
        assert_int_equal(item->events[0].event.count, 2);

        for (unsigned i = 0; i < DEFERRED_EVENTS_MAX; i++) {
                fixture.event.group = 10 + i;
                fixture.facts.now_boottime_usec = 1090 * SECOND;
                assert_int_equal(deferred_table_add(table, &decision, 0, &fixture.facts, &item), 0);
        }
        assert_int_equal(item->due_usec, 1100 * SECOND);
        assert_int_equal(item->n_events, DEFERRED_EVENTS_MAX);
        assert_int_equal(item->n_dropped, 1);
        assert_string_equal(item->events[0].path, "/srv/a");
}

/* One action for one event, whoever else uses the file system. */
static void test_gather_of_units(_unused_ void **state) {
        _cleanup_(deferred_table_free_at) DeferredTable *table = NULL;
        WorkloadFact mail = { .workload.unit = "mail.service" }, db = { .workload.unit = "db.service" };
        Decision decision = gathers();
        WorkloadFacts users = {};
        Fixture fixture;
        Deferred *item;

        decision.gather_parts = EVENT_PART_BIT(EVENT_PART_UNIT);
        assert_int_equal(deferred_table_new(&table), 0);
        facts_at(&fixture, 1000);
        fixture.facts.workloads_state = FACT_KNOWN;
        fixture.facts.workloads = &users;
        assert_int_equal(workload_facts_add(&users, &mail), 0);
        assert_int_equal(deferred_table_add(table, &decision, 0, &fixture.facts, &item), 1);
        assert_string_equal(item->key, "gather/files/unit=mail.service");
        assert_int_equal(workload_facts_add(&users, &db), 0);
        assert_int_equal(deferred_table_add(table, &decision, 0, &fixture.facts, &item), 1);
        assert_string_equal(item->key, "gather/files/unit=db.service");
        assert_int_equal(deferred_table_count(table), 2);
        workload_facts_clear(&users);
}

static void test_in(_unused_ void **state) {
        _cleanup_(deferred_table_free_at) DeferredTable *table = NULL;
        Decision decision = waits_in();
        Fixture fixture;
        Deferred *item;

        assert_int_equal(deferred_table_new(&table), 0);
        facts_at(&fixture, 1000);
        assert_int_equal(deferred_table_add(table, &decision, 1, &fixture.facts, &item), 1);
        assert_int_equal(item->step, 1);
        assert_int_equal(item->due_usec, 4600 * SECOND);
        /* Another event of the same file system wants the same; the last moment stays. */
        fixture.event.group = 9;
        fixture.facts.now_boottime_usec = 4000 * SECOND;
        decision.actions[1].deferred_usec = USEC_INFINITY;
        assert_int_equal(deferred_table_add(table, &decision, 1, &fixture.facts, &item), 0);
        assert_int_equal(item->last_usec, 8200 * SECOND);
        assert_int_equal(deferred_table_due_usec(table), 8200 * SECOND);
        assert_false(deferred_has_expired(item, 8199 * SECOND));
        assert_true(deferred_has_expired(item, 8200 * SECOND));
        assert_ptr_equal(deferred_table_due(table, 8200 * SECOND), item);
}

static void test_limit(_unused_ void **state) {
        _cleanup_(deferred_table_free_at) DeferredTable *table = NULL;
        const Decision decision = waits_for();
        Fixture fixture;
        Deferred *item;

        assert_int_equal(deferred_table_new(&table), 0);
        facts_at(&fixture, 1000);
        for (unsigned i = 0; i < DEFERRED_MAX; i++) {
                fixture.event.group = i;
                assert_int_equal(deferred_table_add(table, &decision, 0, &fixture.facts, &item), 1);
        }
        fixture.event.group = DEFERRED_MAX;
        assert_int_equal(deferred_table_add(table, &decision, 0, &fixture.facts, &item), -ENOBUFS);
        assert_int_equal(deferred_table_n_refused(table), 1);
        assert_int_equal(deferred_table_count(table), DEFERRED_MAX);
}

static MemoryMoment moment(const char *boot, int64_t boottime_sec, int64_t realtime_sec) {
        MemoryMoment moment = {
                .boottime_usec = boottime_sec * (int64_t) SECOND,
                .realtime_usec = realtime_sec * (int64_t) SECOND,
        };

        (void) snprintf(moment.boot_id, sizeof(moment.boot_id), "%s", boot);
        return moment;
}

static void copy_rows(const Deferred *item, const MemoryMoment *written, DeferredTable *into, const MemoryMoment *now) {
        for (size_t i = item->n_events; i-- > 0;) {
                char row[DEFERRED_ROW_SIZE];

                deferred_row_format(item, i, written, row);
                print_message("%s\n", row);
                assert_int_equal(deferred_table_adopt(into, item->key, row, now), 0);
        }
}

/* Ten minutes later, in another boot; the lines in another order. */
static void test_rows(_unused_ void **state) {
        const MemoryMoment written = moment("one", 1010, 50000), now = moment("two", 30, 50000 + 600);
        _cleanup_(deferred_table_free_at) DeferredTable *table = NULL, *other = NULL;
        const char *paths[] = { "/srv/a file", NULL };
        const Decision lasting = waits_for(), gathering = gathers(), window = waits_in();
        Deferred *item, *back;
        Fixture fixture;

        assert_int_equal(deferred_table_new(&table), 0);
        assert_int_equal(deferred_table_new(&other), 0);
        facts_at(&fixture, 1000);
        assert_int_equal(deferred_table_add(table, &lasting, 0, &fixture.facts, &item), 1);
        copy_rows(item, &written, other, &now);
        back = deferred_table_find(other, item->key);
        assert_non_null(back);
        assert_string_equal(back->rule_id, "lasts");
        assert_string_equal(back->filesystem, item->filesystem);
        assert_int_equal(back->due_usec, (30 - 600 + 50) * (int64_t) SECOND);

        fixture.facts.path_state = FACT_KNOWN;
        fixture.facts.paths = paths;
        assert_int_equal(deferred_table_add(table, &gathering, 0, &fixture.facts, &item), 1);
        fixture.event.group = 4;
        assert_int_equal(deferred_table_add(table, &gathering, 0, &fixture.facts, &item), 0);
        copy_rows(item, &written, other, &now);
        back = deferred_table_find(other, item->key);
        assert_int_equal(back->n_events, 2);
        assert_string_equal(back->events[0].path, "/srv/a file");
        assert_int_equal(back->quiet_usec, 30 * SECOND);

        /* A window is looked at at once: the clock may have been set. */
        assert_int_equal(deferred_table_add(table, &window, 1, &fixture.facts, &item), 1);
        copy_rows(item, &written, other, &now);
        back = deferred_table_find(other, item->key);
        assert_int_equal(back->step, 1);
        assert_int_equal(back->due_usec, 30 * (int64_t) SECOND);
        assert_int_equal(back->last_usec, (30 - 600 + 7190) * (int64_t) SECOND);
}

static void test_bad_rows(_unused_ void **state) {
        static const char *const rows[][2] = {
                { "for/a/x", "" },
                { "for/a/x", "1 one 1 1 1 1 0 0 0 0 a fs=x" },
                { "for/a/x", "1 one 1 1 1 1 0 0 0 0 a fs=x\nkind=sick" },
                { "for/a/x", "2 one 1 1 1 1 0 0 0 0 a fs=x\nkind=sick\n" },
                { "for/a/x", "1 one 1 1 1 1 0 0 0 0 a fs=x\nkind=sik\n" },
                { "for/a/x", "1 one -1 1 1 1 0 0 0 0 a fs=x\nkind=sick\n" },
                { "for/a/x", "1 one 1 1 9223372036854775807 1 0 0 0 0 a fs=x\nkind=sick\n" },
                { "fro/a/x", "1 one 1 1 1 1 0 0 0 0 a fs=x\nkind=sick\n" },
                { "for", "1 one 1 1 1 1 0 0 0 0 a fs=x\nkind=sick\n" },
        };
        const MemoryMoment now = moment("one", 1000, 50000);
        _cleanup_(deferred_table_free_at) DeferredTable *table = NULL;

        assert_int_equal(deferred_table_new(&table), 0);
        for (size_t i = 0; i < ELEMENTSOF(rows); i++) {
                print_message("%s %s\n", rows[i][0], rows[i][1]);
                assert_int_equal(deferred_table_adopt(table, rows[i][0], rows[i][1], &now), -EINVAL);
                assert_int_equal(deferred_table_count(table), 0);
        }
}

/* One that is too long for a line is left out of it; the event is not. */
static void test_long_path(_unused_ void **state) {
        const MemoryMoment now = moment("one", 1000, 50000);
        _cleanup_(deferred_table_free_at) DeferredTable *table = NULL, *other = NULL;
        static char path[DEFERRED_ROW_SIZE];
        const char *paths[] = { path, NULL };
        const Decision decision = gathers();
        Fixture fixture;
        Deferred *item;

        memset(path, 'x', sizeof(path) - 1);
        path[0] = '/';
        assert_int_equal(deferred_table_new(&table), 0);
        assert_int_equal(deferred_table_new(&other), 0);
        facts_at(&fixture, 1000);
        fixture.facts.path_state = FACT_KNOWN;
        fixture.facts.paths = paths;
        assert_int_equal(deferred_table_add(table, &decision, 0, &fixture.facts, &item), 1);
        copy_rows(item, &now, other, &now);
        assert_null(deferred_table_next(other, NULL)->events[0].path);
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_for),
                cmocka_unit_test(test_gather),
                cmocka_unit_test(test_gather_of_units),
                cmocka_unit_test(test_in),
                cmocka_unit_test(test_limit),
                cmocka_unit_test(test_rows),
                cmocka_unit_test(test_bad_rows),
                cmocka_unit_test(test_long_path),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}

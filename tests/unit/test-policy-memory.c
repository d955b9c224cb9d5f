/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What is remembered: limits of the container, lines over restarts and reboots, and that nothing is counted twice. What
 * it means for rules stands in tests/policy/cases.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>

#include "policy/policy-choose.h"
#include "tests/unit/policy-fixture.h"

#define SECOND ((int64_t) USEC_PER_SEC)

static MemoryMoment moment(const char *boot, int64_t boottime_sec, int64_t realtime_sec) {
        MemoryMoment moment = {
                .boottime_usec = boottime_sec * SECOND,
                .realtime_usec = realtime_sec * SECOND,
        };

        (void) snprintf(moment.boot_id, sizeof(moment.boot_id), "%s", boot);
        return moment;
}

static MemoryEntry *get(MemoryTable *table, const char *key) {
        MemoryEntry *entry = NULL;

        assert_int_equal(memory_table_get(table, key, &entry), 0);
        return entry;
}

static void mark(MemoryEntry *entry, int64_t time_usec, uint32_t weight, uint32_t distinct) {
        assert_int_equal(memory_entry_mark(entry, (MemoryMark) { time_usec, weight, distinct }, INT64_MIN), 0);
}

static void test_keys(_unused_ void **state) {
        static const char *const bad[] = { "", "when", "when/", "when//", "when/a", "wen/a/", "/a/b" };
        _cleanup_(memory_table_free_at) MemoryTable *table = NULL;
        char key[MEMORY_KEY_SIZE], long_key[MEMORY_KEY_SIZE + 8];
        MemoryEntry *entry;

        assert_int_equal(memory_table_new(&table), 0);
        for (size_t i = 0; i < ELEMENTSOF(bad); i++)
                assert_int_equal(memory_table_get(table, bad[i], &entry), -EINVAL);
        memset(long_key, 'x', sizeof(long_key) - 1);
        memcpy(long_key, "when/a/", 7);
        long_key[sizeof(long_key) - 1] = '\0';
        assert_int_equal(memory_table_get(table, long_key, &entry), -EINVAL);

        assert_ptr_equal(get(table, memory_key(MEMORY_REST, "db", "", key)), get(table, "rest/db/"));
        assert_null(memory_table_find(table, "rest/d/"));
        assert_int_equal(memory_table_n_entries(table), 1);
}

/* The one that was unused for longest makes room, of the same rule only. */
static void test_eviction(_unused_ void **state) {
        _cleanup_(memory_table_free_at) MemoryTable *table = NULL;
        char key[MEMORY_KEY_SIZE];

        assert_int_equal(memory_table_new(&table), 0);
        (void) get(table, "when/other/x");
        for (unsigned i = 0; i < MEMORY_GROUP_ENTRIES_MAX; i++) {
                (void) snprintf(key, sizeof(key), "when/a/%u", i);
                (void) get(table, key);
        }
        assert_int_equal(memory_table_n_evicted(table), 0);
        (void) get(table, "when/a/0");
        (void) get(table, "when/a/new");
        assert_int_equal(memory_table_n_evicted(table), 1);
        assert_non_null(memory_table_find(table, "when/a/0"));
        assert_null(memory_table_find(table, "when/a/1"));
        assert_non_null(memory_table_find(table, "when/other/x"));
        assert_int_equal(memory_table_n_entries(table), MEMORY_GROUP_ENTRIES_MAX + 1);
}

/* The sum stays right whatever comes. */
static void test_marks(_unused_ void **state) {
        _cleanup_(memory_table_free_at) MemoryTable *table = NULL;
        MemoryEntry *entry;

        assert_int_equal(memory_table_new(&table), 0);
        entry = get(table, "when/a/");
        for (int i = 0; i < 1000; i++)
                mark(entry, i * SECOND, 2, 0);
        assert_in_range(entry->n_marks, MEMORY_MARKS_MAX / 2, MEMORY_MARKS_MAX);
        assert_int_equal(memory_entry_sum(entry, 0), 2000);
        /* Half of the window is half of them, but for what was drawn together. */
        assert_in_range(memory_entry_sum(entry, 500 * SECOND), 1000, 1000 + 2 * 1000 / 64);
        assert_int_equal(memory_entry_mark(entry, (MemoryMark) { 2000 * SECOND, 1, 0 }, 1500 * SECOND), 0);
        assert_int_equal(entry->n_marks, 1);

        entry = get(table, "when/b/");
        mark(entry, 1, 5, 77);
        mark(entry, 2, 5, 78);
        mark(entry, 3, 5, 77);
        assert_int_equal(memory_entry_sum(entry, 0), 2);
        assert_int_equal(memory_entry_sum(entry, 3), 1);
        assert_true(memory_entry_has_distinct(entry, 77, 3));
        assert_false(memory_entry_has_distinct(entry, 78, 3));
}

static void test_changes(_unused_ void **state) {
        _cleanup_(memory_table_free_at) MemoryTable *table = NULL;
        MemoryChange change;
        MemoryEntry *entry;

        assert_int_equal(memory_table_new(&table), 0);
        (void) get(table, "when/a/1");
        entry = get(table, "when/a/2");
        (void) get(table, "when/a/1");
        assert_true(memory_table_take_changed(table, &change));
        assert_string_equal(change.key, "when/a/1");
        assert_non_null(change.entry);
        /* Removed before it was told, and made again: the last word is that it is there. */
        memory_table_remove(table, entry);
        (void) get(table, "when/a/2");
        assert_true(memory_table_take_changed(table, &change));
        assert_string_equal(change.key, "when/a/2");
        assert_null(change.entry);
        assert_true(memory_table_take_changed(table, &change));
        assert_string_equal(change.key, "when/a/2");
        assert_non_null(change.entry);
        assert_false(memory_table_take_changed(table, &change));
        /* Told, and then removed: that is told as well; and what is removed untold is released with the table. */
        memory_table_remove(table, (MemoryEntry *) memory_table_find(table, "when/a/2"));
        assert_true(memory_table_is_changed(table));
}

typedef struct RowCase {
        const char *name, *boot;
        int64_t boottime_sec, realtime_sec;
        int64_t age_sec;                /* of the line, as it has to be understood */
} RowCase;

/* Written at 1000 s after boot "one", at 50000 s on the wall. */
static const RowCase row_cases[] = {
        { "the same moment", "one", 1000, 50000, 0 },
        { "a minute later", "one", 1060, 50060, 60 },
        { "a clock set back within a boot says nothing", "one", 1060, 10000, 60 },
        { "a clock set ahead within a boot says nothing", "one", 1060, 90000, 60 },
        { "the next boot", "two", 20, 50300, 300 },
        { "the next boot, with a clock that went backwards", "two", 20, 40000, 0 },
};

static void test_rows(_unused_ void **state) {
        const MemoryMoment written = moment("one", 1000, 50000);
        _cleanup_(memory_table_free_at) MemoryTable *table = NULL;
        MemoryEntry *entry, *again;
        char row[MEMORY_ROW_SIZE];

        assert_int_equal(memory_table_new(&table), 0);
        entry = get(table, "level/heal/x");
        entry->level = 2;
        entry->until_usec = 1600 * SECOND;
        entry->n_active = 3;
        mark(entry, 990 * SECOND, 7, 0);
        mark(entry, 1000 * SECOND, 1, 0xabcd);
        memory_row_format(entry, &written, row);

        for (size_t i = 0; i < ELEMENTSOF(row_cases); i++) {
                const RowCase *c = row_cases + i;
                const MemoryMoment now = moment(c->boot, c->boottime_sec, c->realtime_sec);
                int64_t at = (c->boottime_sec - c->age_sec) * SECOND;

                print_message("%s\n", c->name);
                again = get(table, "level/heal/y");
                assert_int_equal(memory_row_parse(row, &now, again), 0);
                assert_int_equal(again->level, 2);
                assert_int_equal(again->n_active, 0);
                assert_int_equal(again->until_usec, at + 600 * SECOND);
                assert_int_equal(again->n_marks, 2);
                assert_int_equal(again->marks[0].time_usec, at - 10 * SECOND);
                assert_int_equal(again->marks[0].weight, 7);
                assert_int_equal(again->marks[1].time_usec, at);
                assert_int_equal(again->marks[1].distinct, 0xabcd);
        }
}

static void test_bad_rows(_unused_ void **state) {
        static const char *const rows[] = {
                "", "1", "2 one 1 1 0 0", "1 one -1 1 0 0", "1 one 1 1 0 -1", "1 one 1 1 0 0 x", "1 one 1 1 0 0 1:2",
                "1 one 1 1 0 0 -1:2:3", "1 one 9223372036854775807 1 0 0", "1 one 1 1 0 0 9223372036854775807:1:0",
        };
        const MemoryMoment now = moment("one", 1000, 50000);
        _cleanup_(memory_table_free_at) MemoryTable *table = NULL;
        MemoryEntry *entry;

        assert_int_equal(memory_table_new(&table), 0);
        entry = get(table, "level/heal/x");
        entry->level = 5;
        for (size_t i = 0; i < ELEMENTSOF(rows); i++) {
                print_message("\"%s\"\n", rows[i]);
                assert_int_equal(memory_row_parse(rows[i], &now, entry), -EINVAL);
                assert_int_equal(entry->level, 5);
                assert_int_equal(entry->n_marks, 0);
        }
}

/* As many marks as there can be fit into a line, the youngest ones at least. */
static void test_long_row(_unused_ void **state) {
        const MemoryMoment now = moment("12345678-1234-1234-1234-123456789abc", 999999999, 9999999999);
        _cleanup_(memory_table_free_at) MemoryTable *table = NULL;
        char row[MEMORY_ROW_SIZE];
        MemoryEntry *entry, *again;
        size_t n_lost;

        assert_int_equal(memory_table_new(&table), 0);
        entry = get(table, "when/a/");
        for (unsigned i = 0; i < MEMORY_MARKS_MAX; i++)
                mark(entry, (999999000 + (int64_t) i) * SECOND, UINT32_MAX, UINT32_MAX - i);
        memory_row_format(entry, &now, row);
        again = get(table, "when/b/");
        assert_int_equal(memory_row_parse(row, &now, again), 0);
        n_lost = entry->n_marks - again->n_marks;
        assert_in_range(n_lost, 0, MEMORY_MARKS_MAX / 2);
        assert_int_equal(again->marks[again->n_marks - 1].distinct, entry->marks[entry->n_marks - 1].distinct);
}

typedef struct Host {
        Policy *policy;
        PolicyMemory *memory;
        Fixture fixture;
        Decision decisions[POLICY_DECISIONS_MAX];
        size_t n;
} Host;

static void host_begin(Host *host, const char *rules, const char *boot_id) {
        char text[1024];

        (void) snprintf(text, sizeof(text), "version: 1\n%s", rules);
        host->policy = fixture_load(text);
        assert_non_null(host->policy);
        host->memory = NULL;
        host->n = 0;
        assert_int_equal(policy_memory_new(boot_id, &host->memory), 0);
        fixture_init(&host->fixture);
}

static void host_forget(Host *host) {
        while (host->n > 0)
                decision_clear(host->decisions + --host->n);
}

static void host_end(Host *host) {
        host_forget(host);
        policy_memory_free(host->memory);
        policy_unref(host->policy);
}

/* Decides at a moment; what it came to is in host->decisions until the next time. */
static const Decision *decide(Host *host, int64_t boottime_sec) {
        EventFacts *facts = &host->fixture.facts;

        host_forget(host);
        facts->now_boottime_usec = (uint64_t) boottime_sec * USEC_PER_SEC;
        facts->now_realtime_usec = (uint64_t) (boottime_sec + 49000) * USEC_PER_SEC;
        assert_int_equal(policy_choose(host->policy, host->memory, facts, host->decisions, POLICY_DECISIONS_MAX,
                                       &host->n), 0);
        assert_int_equal(policy_remember(host->memory, host->policy, facts, host->decisions, host->n), 0);
        return host->decisions;
}

static void carry_over(Host *from, Host *to, int64_t boottime_sec, int64_t realtime_sec) {
        char key[MEMORY_KEY_SIZE], text[MEMORY_ROW_SIZE];
        size_t n = 0;

        while (policy_memory_take_change(from->memory, 1100 * USEC_PER_SEC, 50100 * USEC_PER_SEC, key, text))
                if (text[0]) {
                        assert_int_equal(policy_memory_adopt(to->memory, key, text,
                                                             (uint64_t) boottime_sec * USEC_PER_SEC,
                                                             (uint64_t) realtime_sec * USEC_PER_SEC), 0);
                        n++;
                }
        assert_true(n > 0);
}

static WorkloadFacts users;

/* A NULL ends them. */
static void used_by(Host *host, const char *const *units) {
        workload_facts_clear(&users);
        for (; *units; units++) {
                WorkloadFact fact = { .user_state = FACT_KNOWN };

                (void) snprintf(fact.workload.unit, sizeof(fact.workload.unit), "%s", *units);
                assert_int_equal(workload_facts_add(&users, &fact), 0);
        }
        assert_int_equal(workload_facts_settle(&users), 0);
        host->fixture.facts.workloads_state = FACT_KNOWN;
        host->fixture.facts.workloads = &users;
}

static const char *const db[] = { "db.service", NULL }, *const mail[] = { "mail.service", NULL };
static const char *const db_and_mail[] = { "mail.service", "db.service", NULL };

static const char counting_units[] = "rules:\n"
                                     "  - {id: a, match: {event: sick}, when: {count: 3, within: 10min, per: unit},\n"
                                     "     do: [log]}\n";

/* Counted for each of them, over a reboot, and once where it was told before. */
static void test_count_of_units(_unused_ void **state) {
        Host first, second;

        host_begin(&first, counting_units, "one");
        used_by(&first, db_and_mail);
        assert_int_equal(decide(&first, 1000)->source, DECISION_BASELINE);
        assert_non_null(memory_table_find(policy_memory_table(first.memory), "when/a/unit=db.service"));
        assert_non_null(memory_table_find(policy_memory_table(first.memory), "when/a/unit=mail.service"));
        used_by(&first, db);
        assert_int_equal(decide(&first, 1001)->source, DECISION_BASELINE);
        first.fixture.event.is_repeated = true;
        assert_int_equal(decide(&first, 1002)->source, DECISION_BASELINE);

        host_begin(&second, counting_units, "two");
        carry_over(&first, &second, 20, 50200);
        used_by(&second, mail);
        assert_int_equal(decide(&second, 30)->source, DECISION_BASELINE);
        used_by(&second, db);
        assert_int_equal(decide(&second, 31)->source, DECISION_RULE);
        /* One was emptied, the other was not. */
        assert_int_equal(decide(&second, 32)->source, DECISION_BASELINE);
        used_by(&second, mail);
        assert_int_equal(decide(&second, 33)->source, DECISION_RULE);
        host_end(&second);
        host_end(&first);
        workload_facts_clear(&users);
}

static const char resting_units[] = "rules:\n"
                                    "  - {id: a, match: {event: sick}, cooldown: {for: 1h, per: unit},\n"
                                    "     do: [{scrub: {repair: never}}]}\n";

/* Who uses it is not known any more when its actions are done: those rest that did when it was decided. */
static void test_rest_of_units(_unused_ void **state) {
        Decision decision;
        Host host;

        host_begin(&host, resting_units, "one");
        used_by(&host, db_and_mail);
        decision = *decide(&host, 1000);
        assert_string_equal(decision.suppressed_by, "");
        assert_int_equal(decision.resting.n_items, 2);
        used_by(&host, mail);
        assert_string_equal(decide(&host, 5000)->suppressed_by, "cooldown: its actions are not done yet");

        host.fixture.facts.workloads_state = FACT_UNKNOWN;
        host.fixture.facts.workloads = NULL;
        host.fixture.facts.now_boottime_usec = 6000 * USEC_PER_SEC;
        policy_remember_end(host.memory, host.policy, &host.fixture.facts, &decision, ESCALATION_HELPED, 0);
        assert_null(memory_table_find(policy_memory_table(host.memory), "rest/a/"));
        used_by(&host, db);
        assert_string_equal(decide(&host, 6000 + 1800)->suppressed_by, "cooldown: 30min left");
        used_by(&host, mail);
        assert_string_equal(decide(&host, 6000 + 1800)->suppressed_by, "cooldown: 30min left");
        assert_string_equal(decide(&host, 6000 + 3600)->suppressed_by, "");
        host_end(&host);
        workload_facts_clear(&users);
}

/* They are of the machine's users, some of them, and become keys that stand in lines. */
static void test_unit_keys(_unused_ void **state) {
        char strange[] = "a b\n=/.scope", first_long[UNIT_NAME_SIZE], second_long[UNIT_NAME_SIZE];
        const char *const units[] = { strange, first_long, second_long, "z.service", "z.service", NULL };
        WorkloadFact container = { .workload.container = "z.service" };
        WorkloadUnits told;
        Host host;

        memset(first_long, 'l', sizeof(first_long) - 1);
        first_long[sizeof(first_long) - 1] = '\0';
        (void) strcpy(second_long, first_long);
        second_long[sizeof(second_long) - 2] = 'm';

        host_begin(&host, counting_units, "one");
        used_by(&host, units);
        assert_int_equal(workload_facts_add(&users, &container), 0);
        event_units(&host.fixture.facts, &told);
        assert_int_equal(told.n_items, 5);
        assert_int_equal(told.n_left_out, 0);
        assert_memory_equal(told.items[0], "unit=a?b?=/.scope~", strlen("unit=a?b?=/.scope~"));
        assert_int_equal(strlen(told.items[1]), WORKLOAD_UNIT_KEY_SIZE - 1);
        assert_string_not_equal(told.items[1], told.items[2]);
        assert_string_equal(told.items[3], "unit=z.service");
        assert_string_equal(told.items[4], "container=z.service");
        host.fixture.facts.workloads_state = FACT_UNKNOWN;
        event_units(&host.fixture.facts, &told);
        assert_int_equal(told.n_items, 0);
        host_end(&host);
        workload_facts_clear(&users);
}

static const char counting[] = "rules: [{id: a, match: {event: sick}, when: {count: 3, within: 10min}, do: [log]}]\n";

/* Two of three in one life, the third in the next. */
static void test_count_over_reboot(_unused_ void **state) {
        Host first, second;

        host_begin(&first, counting, "one");
        assert_int_equal(decide(&first, 1000)->source, DECISION_BASELINE);
        assert_int_equal(decide(&first, 1100)->source, DECISION_BASELINE);

        host_begin(&second, counting, "two");
        carry_over(&first, &second, 20, 50200);
        assert_int_equal(decide(&second, 30)->source, DECISION_RULE);
        /* And is emptied. */
        assert_int_equal(decide(&second, 40)->source, DECISION_BASELINE);
        host_end(&second);
        host_end(&first);
}

/* The window goes on while nobody runs. */
static void test_count_runs_out_over_reboot(_unused_ void **state) {
        Host first, second;

        host_begin(&first, counting, "one");
        (void) decide(&first, 1000);
        (void) decide(&first, 1100);
        host_begin(&second, counting, "two");
        carry_over(&first, &second, 20, 50100 + 550);
        /* The older one is out of the window, the younger one is not. */
        assert_int_equal(decide(&second, 20)->source, DECISION_BASELINE);
        assert_int_equal(decide(&second, 20)->source, DECISION_RULE);
        host_end(&second);
        host_end(&first);
}

/* A report that an earlier healerd decided on, and could not finish, is counted once. */
static void test_repeated_event(_unused_ void **state) {
        Host host;

        host_begin(&host, counting, "one");
        (void) decide(&host, 1000);
        (void) decide(&host, 1001);
        host.fixture.event.is_repeated = true;
        assert_int_equal(decide(&host, 1002)->source, DECISION_BASELINE);
        host.fixture.event.is_repeated = false;
        assert_int_equal(decide(&host, 1003)->source, DECISION_RULE);
        host_end(&host);
}

static const char resting[] = "rules: [{id: a, match: {event: sick}, cooldown: 1h, do: [{scrub: {repair: never}}]}]\n";

/* While its actions go on it rests without an end; a healerd that dies then leaves an end behind. */
static void test_rest_over_crash(_unused_ void **state) {
        Host first, second;

        host_begin(&first, resting, "one");
        assert_string_equal(decide(&first, 1000)->suppressed_by, "");
        assert_string_equal(decide(&first, 5000)->suppressed_by, "cooldown: its actions are not done yet");

        host_begin(&second, resting, "one");
        carry_over(&first, &second, 1200, 50200);
        assert_string_equal(decide(&second, 1000 + 1800)->suppressed_by, "cooldown: 30min left");
        assert_string_equal(decide(&second, 1000 + 3600)->suppressed_by, "");
        host_end(&second);
        host_end(&first);
}

/* What came from before never replaces what this life has seen itself. */
static void test_adopt(_unused_ void **state) {
        static const char row[] = "1 one 1000000 50000000 0 100000000";
        Host host;

        host_begin(&host, resting, "one");
        assert_int_equal(policy_memory_adopt(host.memory, "rest/b/fs=x", "nonsense", 1, 1), -EINVAL);
        assert_null(memory_table_find(policy_memory_table(host.memory), "rest/b/fs=x"));
        assert_int_equal(policy_memory_adopt(host.memory, "rest/b/fs=x", row, 1000 * USEC_PER_SEC, 1), 0);
        assert_int_equal(policy_memory_adopt(host.memory, "rest/b/fs=x", row, 1000 * USEC_PER_SEC, 1), -EEXIST);
        host_end(&host);
}

/* What was counted and not begun is given back; more tries are more actions. */
static void test_attempts(_unused_ void **state) {
        Host host;

        host_begin(&host, "limits: {actions: 2 per 1h}\n", "one");
        assert_string_equal(decide(&host, 1000)->actions[1].denied_by, "");
        policy_remember_attempts(host.memory, host.policy, &host.fixture.facts, host.decisions, -1);
        assert_string_equal(decide(&host, 1001)->actions[1].denied_by, "");
        assert_string_equal(decide(&host, 1002)->actions[1].denied_by, "");
        assert_string_equal(decide(&host, 1003)->actions[1].denied_by, "limits: actions: 2 per 1h, 59min 58s left");
        policy_remember_attempts(host.memory, host.policy, &host.fixture.facts, host.decisions, 3);
        assert_string_equal(decide(&host, 4602)->actions[1].denied_by, "limits: actions: 2 per 1h, 1s left");
        assert_string_equal(decide(&host, 4603)->actions[1].denied_by, "");
        host_end(&host);
}

static const char failing[] = "limits: {workloads: 3 per 1h}\n"
                              "rules:\n"
                              "  - {id: a, match: {event: sick}, limits: {workloads: 2 per 10min},\n"
                              "     do: [{fail-workload: {who: fs-users}}]}\n";

static bool has_room(Host *host, int64_t boottime_sec, const char *rule, size_t n, char why[static DENIED_SIZE]) {
        EventFacts facts = host->fixture.facts;

        facts.now_boottime_usec = (uint64_t) boottime_sec * USEC_PER_SEC;
        return policy_workloads_room(host->memory, host->policy, rule, POLICY_MODE_ENFORCE, &facts, n, why);
}

/* As what was decided last. */
static void remember_workloads(Host *host, int n) {
        policy_remember_workloads(host->memory, host->policy, &host->fixture.facts, host->decisions->rule_id,
                                  host->decisions->mode, n);
}

/* How many they are is known after the decision; what does not fit whole does not fit. */
static void test_workloads(_unused_ void **state) {
        char why[DENIED_SIZE];
        Host first, second;

        host_begin(&first, failing, "one");
        assert_true(has_room(&first, 1000, "a", 2, why));
        assert_string_equal(why, "");
        assert_false(has_room(&first, 1000, "a", 3, why));
        assert_string_equal(why, "limits: workloads: 2 per 10min");
        /* Nobody's rule: the limit of all. */
        assert_true(has_room(&first, 1000, "", 3, why));
        assert_false(has_room(&first, 1000, NULL, 4, why));
        assert_string_equal(why, "limits: workloads: 3 per 1h");

        assert_string_equal(decide(&first, 1000)->rule_id, "a");
        remember_workloads(&first, 2);
        assert_false(has_room(&first, 1001, "a", 1, why));
        assert_string_equal(why, "limits: workloads: 2 per 10min, 9min 59s left");
        assert_true(has_room(&first, 1001, "other", 1, why));
        assert_false(has_room(&first, 1001, "other", 2, why));

        /* One of them was spared after all. */
        remember_workloads(&first, -1);
        assert_true(has_room(&first, 1002, "a", 1, why));

        host_begin(&second, failing, "two");
        carry_over(&first, &second, 20, 50200);
        assert_false(has_room(&second, 20, "a", 2, why));
        assert_true(has_room(&second, 20 + 600, "a", 2, why));
        assert_false(has_room(&second, 20 + 600, "a", 3, why));
        host_end(&second);
        host_end(&first);
}

/* What only observes has counts of its own, and limits where there are none are none. */
static void test_workloads_observed(_unused_ void **state) {
        char rules[512], why[DENIED_SIZE];
        Host host;

        (void) snprintf(rules, sizeof(rules), "mode: observe\n%s", failing);
        host_begin(&host, rules, "one");
        assert_int_equal(decide(&host, 1000)->mode, POLICY_MODE_OBSERVE);
        remember_workloads(&host, 2);
        assert_true(has_room(&host, 1001, "a", 2, why));
        assert_false(policy_workloads_room(host.memory, host.policy, "a", POLICY_MODE_OBSERVE, &host.fixture.facts, 1,
                                           why));
        host_end(&host);

        host_begin(&host, "rules: [{id: a, match: {event: sick}, do: [{fail-workload: {who: fs-users}}]}]\n", "one");
        (void) decide(&host, 1000);
        remember_workloads(&host, 64);
        assert_true(has_room(&host, 1001, "a", 64, why));
        host_end(&host);
}

/* A rule that is made to enforce begins anew. */
static void test_shadow(_unused_ void **state) {
        static const char text[] = "mode: %s\nrules: [{id: a, match: {event: sick}, cooldown: 1h, do: [log]}]\n";
        char rules[256];
        Host host, other;

        (void) snprintf(rules, sizeof(rules), text, "observe");
        host_begin(&host, rules, "one");
        assert_string_equal(decide(&host, 1000)->suppressed_by, "");
        assert_string_equal(decide(&host, 1001)->suppressed_by, "cooldown: 59min 59s left");
        (void) snprintf(rules, sizeof(rules), text, "enforce");
        host_begin(&other, rules, "one");
        policy_unref(host.policy);
        host.policy = policy_ref(other.policy);
        assert_string_equal(decide(&host, 1002)->suppressed_by, "");
        host_end(&other);
        host_end(&host);
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_keys),
                cmocka_unit_test(test_eviction),
                cmocka_unit_test(test_marks),
                cmocka_unit_test(test_changes),
                cmocka_unit_test(test_rows),
                cmocka_unit_test(test_bad_rows),
                cmocka_unit_test(test_long_row),
                cmocka_unit_test(test_count_over_reboot),
                cmocka_unit_test(test_count_runs_out_over_reboot),
                cmocka_unit_test(test_repeated_event),
                cmocka_unit_test(test_count_of_units),
                cmocka_unit_test(test_rest_of_units),
                cmocka_unit_test(test_unit_keys),
                cmocka_unit_test(test_rest_over_crash),
                cmocka_unit_test(test_adopt),
                cmocka_unit_test(test_attempts),
                cmocka_unit_test(test_workloads),
                cmocka_unit_test(test_workloads_observed),
                cmocka_unit_test(test_shadow),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}

/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What a decision looked at, written down and read back: every match key has the same value, and every policy here
 * explains the same.
 */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>

#include "policy/event-example-write.h"
#include "policy/event-example.h"
#include "policy/policy-explain.h"
#include "policy/policy-vocabulary.h"
#include "src/basic/text.h"
#include "tests/unit/policy-fixture.h"

/* 2026-10-25 02:30:15.0025 in Berlin, where the clock shows that hour twice: the second time. */
#define TWICE_USEC (UINT64_C(1792891815) * USEC_PER_SEC + 2500)

typedef struct Facts {
        Fixture fixture;
        FileOwner owner;
        const char *paths[4];
        char *mounts[EXAMPLE_MOUNTS_MAX + 3];
        Zone *zone;
        WorkloadFacts workloads;
} Facts;

static void set_nothing_else(Facts *facts) {
        (void) facts;
}

static void set_everything(Facts *facts) {
        FilesystemFacts *filesystem = &facts->fixture.filesystem;
        HealthEvent *event = &facts->fixture.event;

        event->error = EUCLEAN;
        event->count = 12;
        event->shutdown_reasons = 5;
        (void) text_copy(event->location, sizeof(event->location), "ext4_find_entry:1594");
        filesystem->label_state = FACT_KNOWN;
        filesystem->label = (char *) "back up";
        filesystem->mounts[1] = (char *) "/srv/second";
        filesystem->n_mounts = 2;
        filesystem->is_root = filesystem->is_state = filesystem->is_removable = TRISTATE_YES;
        filesystem->has_rmapbt = filesystem->has_parent_pointers = true;
        facts->fixture.facts.now_realtime_usec = TWICE_USEC;
        assert_int_equal(zone_new_named("Europe/Berlin", &facts->zone), 0);
}

static void set_file(Facts *facts) {
        HealthEvent *event = &facts->fixture.event;

        event->domain = DOMAIN_INODE;
        event->structure = STRUCTURE_INODE_DIRECTORY;
        event->inode = 131;
        event->generation = 0x80000005;
        event->is_repeated = true;
        facts->fixture.facts.path_state = FACT_KNOWN;
        facts->paths[0] = "/srv/a/b";
        facts->paths[1] = "/mnt/a/b";
        facts->owner = (FileOwner) {
                .user = { FACT_KNOWN, 117, FACT_KNOWN, "postgres" },
                .group = { FACT_KNOWN, 118, FACT_ABSENT, "" },
                .project_state = FACT_KNOWN,
        };
}

static void set_names_unknown(Facts *facts) {
        set_file(facts);
        facts->paths[1] = NULL;
        facts->owner.user = (Account) { FACT_KNOWN, 0, FACT_UNKNOWN, "" };
        facts->owner.project_state = FACT_UNKNOWN;
        facts->owner.project_error = ENOTTY;
}

static void set_unknown(Facts *facts) {
        FilesystemFacts *filesystem = &facts->fixture.filesystem;

        filesystem->type = filesystem->device = NULL;
        filesystem->uuid_state = filesystem->label_state = filesystem->autofsck_state = FACT_UNKNOWN;
        filesystem->autofsck_error = ETIMEDOUT;
        filesystem->is_root = filesystem->is_state = filesystem->is_removable = TRISTATE_UNKNOWN;
        facts->fixture.facts.path_state = FACT_UNKNOWN;
        facts->fixture.facts.path_error = EOPNOTSUPP;
        facts->fixture.facts.now_realtime_usec = UINT64_C(1795838400) * USEC_PER_SEC;
        facts->owner = (FileOwner) { .error = 4001, .project_state = FACT_ABSENT };
}

static void set_no_answer(Facts *facts) {
        facts->fixture.filesystem.autofsck_state = FACT_UNKNOWN;
        facts->fixture.facts.path_state = FACT_UNKNOWN;
        facts->fixture.facts.owner = NULL;
}

static void set_mounts_unknown(Facts *facts) {
        facts->fixture.filesystem.n_mounts = 0;
        facts->fixture.filesystem.are_mounts_unknown = true;
}

static void set_no_filesystem(Facts *facts) {
        facts->fixture.facts.filesystem = NULL;
        facts->fixture.event.kind = EVENT_EVENTS_LOST;
        facts->fixture.event.domain = DOMAIN_MOUNT;
        facts->fixture.event.structure = STRUCTURE_NONE;
}

static void set_no_mount(Facts *facts) {
        facts->fixture.filesystem.n_mounts = 0;
        facts->fixture.filesystem.autofsck_state = FACT_ABSENT;
        facts->fixture.filesystem.uuid_state = FACT_ABSENT;
}

static void set_awkward_names(Facts *facts) {
        set_file(facts);
        facts->fixture.filesystem.label_state = FACT_KNOWN;
        facts->fixture.filesystem.label = (char *) "~";
        facts->fixture.filesystem.device = (char *) "'}], event: {\\x41";
        facts->fixture.filesystem.mounts[0] = (char *) "/ # \"*&!|>%@`\t\n\r\x01\x1b[2J\x7f";
        facts->paths[0] = "/\xc2\x85\xe2\x80\xa8\xe2\x80\xa9\xef\xbb\xbf\xef\xbf\xbf\xc3\xa4\xf0\x9f\x92\xbe";
        (void) text_copy(facts->owner.user.name, sizeof(facts->owner.user.name), "? EIO");
}

static void set_unrecognised(Facts *facts) {
        facts->fixture.event.kind = EVENT_UNRECOGNISED;
        facts->fixture.event.domain = DOMAIN_UNRECOGNISED;
        facts->fixture.event.structure = STRUCTURE_UNRECOGNISED;
        facts->fixture.event.error = 4000;
}

static void set_same_name_in_two_domains(Facts *facts) {
        facts->fixture.event.domain = DOMAIN_RTGROUP;
        facts->fixture.event.structure = STRUCTURE_RTGROUP_RMAPBT;
}

static void add_user(Facts *facts, WorkloadFact fact) {
        assert_int_equal(workload_facts_add(&facts->workloads, &fact), 0);
}

static void settle_users(Facts *facts) {
        assert_int_equal(workload_facts_settle(&facts->workloads), 0);
        facts->fixture.facts.workloads_state = FACT_KNOWN;
}

static void set_used(Facts *facts) {
        add_user(facts, (WorkloadFact) {
                .workload = { .unit = "db@main.service", .slice = "system-db.slice" },
                .cgroup = "/system.slice/system-db.slice/db@main.service",
                .user_state = FACT_KNOWN, .user = 117, .account_state = FACT_KNOWN, .account = "postgres",
        });
        add_user(facts, (WorkloadFact) {
                .workload = { .container = "c0ffee \"{'", .pod = "0a-1b" },
                .cgroup = "/kubepods/\x1b[2J\t",
                .user_state = FACT_KNOWN, .user = UINT32_MAX - 1, .account_state = FACT_ABSENT,
        });
        settle_users(facts);
}

static void set_partly_used(Facts *facts) {
        add_user(facts, (WorkloadFact) { .workload.unit = "db.service", .user_state = FACT_KNOWN, .user = 0 });
        add_user(facts, (WorkloadFact) { .workload.unit = "mail.service" });
        facts->workloads.is_partial = true;
        settle_users(facts);
}

static void set_used_by_nobody(Facts *facts) {
        settle_users(facts);
}

static void set_not_used(Facts *facts) {
        facts->fixture.facts.workloads_state = FACT_ABSENT;
}

static void set_users_unknown(Facts *facts) {
        facts->fixture.facts.workloads_error = ETIMEDOUT;
}

static const struct {
        const char *name;
        void (*set)(Facts *facts);
} variants[] = {
        { "used", set_used },
        { "partly used", set_partly_used },
        { "used by nobody that anybody knows", set_used_by_nobody },
        { "not used", set_not_used },
        { "who knows who uses it", set_users_unknown },
        { "little is known", set_nothing_else },
        { "everything is known", set_everything },
        { "a file", set_file },
        { "names are unknown", set_names_unknown },
        { "unknown, and why", set_unknown },
        { "unknown", set_no_answer },
        { "mount points are unknown", set_mounts_unknown },
        { "no file system", set_no_filesystem },
        { "not mounted", set_no_mount },
        { "awkward names", set_awkward_names },
        { "unrecognised", set_unrecognised },
        { "one name in two domains", set_same_name_in_two_domains },
};

static EventFacts *facts_init(Facts *facts, void (*set)(Facts *facts)) {
        EventFacts *result = &facts->fixture.facts;

        *facts = (Facts) {
                .owner = { .user.state = FACT_ABSENT, .group.state = FACT_ABSENT, .project_state = FACT_ABSENT },
        };
        fixture_init(&facts->fixture);
        memcpy(facts->mounts, facts->fixture.mounts, sizeof(facts->fixture.mounts));
        facts->fixture.filesystem.mounts = facts->mounts;
        result->path_state = FACT_ABSENT;
        result->paths = facts->paths;
        result->owner = &facts->owner;
        result->workloads = &facts->workloads;
        result->now_boottime_usec = 4 * TIMING_MAX_USEC;
        set(facts);
        result->zone = facts->zone;
        return result;
}

static void facts_clear(Facts *facts) {
        workload_facts_clear(&facts->workloads);
        zone_free(facts->zone);
}

/* A document and what was read of it. */
typedef struct Document {
        char text[EXAMPLE_TEXT_SIZE];
        YamlTree *tree;
        EventExample example;
        EventFacts facts;
} Document;

static void document_open(const EventFacts *facts, Document *document) {
        PolicyProblems problems = {};
        size_t length;

        *document = (Document) {};
        length = event_example_write(facts, document->text);
        print_message("    %s\n", document->text);
        assert_int_equal(length, strlen(document->text));
        assert_in_range(length, 1, EXAMPLE_TEXT_SIZE - 1);
        for (size_t i = 0; i < length; i++)
                assert_in_range(document->text[i], 0x20, 0x7e);

        (void) yaml_tree_parse(document->text, length, 0, &problems, &document->tree);
        policy_problems_print(&problems, stderr);
        assert_int_equal(problems.n_errors, 0);
        assert_int_equal(event_example_read(yaml_tree_root(document->tree), NULL, &problems, &document->example), 0);
        policy_problems_clear(&problems);
        document->facts = event_example_facts(&document->example);
        document->facts.now_boottime_usec = facts->now_boottime_usec;
}

static void document_close(Document *document) {
        event_example_clear(&document->example);
        yaml_tree_free(document->tree);
}

static void get(const EventFacts *facts, const MatchKey *key, FactValue *ret_value) {
        *ret_value = (FactValue) {};
        key->get(facts, ret_value);
}

static void assert_same_value(const FactValue *a, const FactValue *b) {
        assert_int_equal(a->state, b->state);
        assert_int_equal(a->error, b->error);
        assert_int_equal(a->number, b->number);
        assert_int_equal(a->is_unnamed, b->is_unnamed);
        assert_int_equal(a->is_partial, b->is_partial);
        assert_int_equal(a->n_numbers, b->n_numbers);
        for (size_t i = 0; i < a->n_numbers; i++)
                assert_int_equal(a->numbers[i], b->numbers[i]);
        assert_int_equal(a->n_texts, b->n_texts);
        for (size_t i = 0; i < a->n_texts; i++)
                assert_string_equal(a->texts[i], b->texts[i]);
}

/* A key that no variant knows was forgotten here. */
static void test_every_key(void **state) {
        bool was_known[MATCH_KEYS_MAX] = {};

        (void) state;
        for (size_t i = 0; i < ELEMENTSOF(variants); i++) {
                static Document document;
                Facts facts;

                print_message("%s\n", variants[i].name);
                document_open(facts_init(&facts, variants[i].set), &document);
                assert_null(document.example.left_out);
                for (size_t k = 0; k < match_key_count(); k++) {
                        const MatchKey *key = match_key_at(k);
                        FactValue before, after;

                        get(&facts.fixture.facts, key, &before);
                        get(&document.facts, key, &after);
                        if (before.state != after.state)
                                print_message("        %s\n", key->path);
                        assert_same_value(&before, &after);
                        was_known[k] = was_known[k] || before.state == FACT_KNOWN;
                }
                document_close(&document);
                facts_clear(&facts);
        }
        for (size_t k = 0; k < match_key_count(); k++)
                if (!was_known[k])
                        fail_msg("no variant has %s", match_key_at(k)->path);
}

static const char *const policies[] = {
        "version: 1\n",
        "version: 1\nmode: observe\nprotect: [{id: usb, match: {fs: {removable: true}}, deny: all}]\n"
        "rules:\n"
        "  - {id: heal, match: {event: sick, fs: {mount: {glob: '/srv/*'}}}, do: [repair]}\n"
        "  - {id: file, match: {file: {path: {under: /srv}, owner: postgres}}, do: [log]}\n"
        "  - {id: scan, match: {none-of: [{fs: {label: 'b*'}}, {errno: EIO}]}, do: [{scrub: {repair: never}}]}\n",
        "version: 1\nwindows: {night: 'Sun 02:00..03:00'}\n"
        "rules:\n"
        "  - {id: night, match: {time: night, severity: {at-least: warning}}, do: [notify], continue: true}\n"
        "  - {id: often, match: {fs: {type: xfs}}, when: {count: 3, within: 1min, per: inode}, do: [repair]}\n"
        "  - {id: climb, match: {fs: {autofsck: repair}}, escalate: [repair, {scrub: {repair: if-allowed}}, notify]}\n",
};

static void test_every_explanation(void **state) {
        (void) state;
        for (size_t i = 0; i < ELEMENTSOF(variants) * ELEMENTSOF(policies); i++) {
                _cleanup_(policy_memory_free_at) PolicyMemory *memory = NULL;
                _cleanup_(policy_unref_at) Policy *policy = fixture_load(policies[i % ELEMENTSOF(policies)]);
                _cleanup_(free_at) char *before = NULL, *after = NULL;
                static Document document;
                EventFacts shown;
                Facts facts;

                print_message("%s\n", variants[i / ELEMENTSOF(policies)].name);
                assert_non_null(policy);
                assert_int_equal(policy_memory_new("test", &memory), 0);
                document_open(facts_init(&facts, variants[i / ELEMENTSOF(policies)].set), &document);
                shown = document.facts;
                assert_int_equal(policy_explain(policy, memory, &facts.fixture.facts, &before), 0);
                assert_int_equal(policy_explain(policy, memory, &shown, &after), 0);
                assert_string_equal(after, before);
                document_close(&document);
                facts_clear(&facts);
        }
}

static char long_path[2000];

static void set_long_path(Facts *facts) {
        set_file(facts);
        memset(long_path, 'x', sizeof(long_path) - 1);
        long_path[0] = '/';
        facts->paths[1] = long_path;
}

static void set_path_that_is_no_text(Facts *facts) {
        set_file(facts);
        facts->paths[0] = "/srv/\xff";
}

static void set_many_mounts(Facts *facts) {
        FilesystemFacts *filesystem = &facts->fixture.filesystem;

        for (filesystem->n_mounts = 0; filesystem->n_mounts < EXAMPLE_MOUNTS_MAX + 1; filesystem->n_mounts++)
                facts->mounts[filesystem->n_mounts] = (char *) "/m";
}

static void set_label_of_one_mark(Facts *facts) {
        facts->fixture.filesystem.label_state = FACT_KNOWN;
        facts->fixture.filesystem.label = (char *) "?";
}

static void set_location_that_is_no_text(Facts *facts) {
        (void) text_copy(facts->fixture.event.location, EVENT_LOCATION_SIZE, "\xff:1");
}

/* Everything is as long as it is still written, and longer in all than there is room for. */
static void set_all_long(Facts *facts) {
        static char mount[990], device[990], label[990], path[500];

        set_file(facts);
        memset(mount, '/', sizeof(mount) - 1);
        memset(device, 'd', sizeof(device) - 1);
        memset(label, 'l', sizeof(label) - 1);
        memset(path, '/', sizeof(path) - 1);
        facts->fixture.filesystem.mounts[0] = mount;
        facts->fixture.filesystem.device = device;
        facts->fixture.filesystem.label = label;
        facts->fixture.filesystem.label_state = FACT_KNOWN;
        facts->paths[0] = path;
        facts->paths[1] = NULL;
}

/* What is left out is unknown, and everything else is as it was. */
static void test_left_out(void **state) {
        static const struct {
                const char *name, *left_out;
                void (*set)(Facts *facts);
                FactState state;
        } cases[] = {
                { "long path", "file.path", set_long_path, FACT_UNKNOWN },
                { "path that is no text", "file.path", set_path_that_is_no_text, FACT_UNKNOWN },
                { "many mount points", "fs.mount", set_many_mounts, FACT_UNKNOWN },
                { "question mark", "fs.label", set_label_of_one_mark, FACT_UNKNOWN },
                { "place that is no text", "location", set_location_that_is_no_text, FACT_ABSENT },
                { "all long", "fs.device", set_all_long, FACT_UNKNOWN },
        };

        (void) state;
        for (size_t i = 0; i < ELEMENTSOF(cases); i++) {
                static Document document;
                Facts facts;

                print_message("%s\n", cases[i].name);
                document_open(facts_init(&facts, cases[i].set), &document);
                assert_non_null(document.example.left_out);
                assert_string_equal(document.example.left_out->first->text, cases[i].left_out);
                for (size_t k = 0; k < match_key_count(); k++) {
                        const MatchKey *key = match_key_at(k);
                        FactValue before, after;

                        get(&facts.fixture.facts, key, &before);
                        get(&document.facts, key, &after);
                        if (text_equal(key->path, cases[i].left_out))
                                assert_int_equal(after.state, cases[i].state);
                        else
                                assert_same_value(&before, &after);
                }
                document_close(&document);
                facts_clear(&facts);
        }
}

/* As many as there is room for, and that there are others. */
static void test_many_users(void **state) {
        static Document document;
        FactValue before, after;
        Facts facts;

        (void) state;
        (void) facts_init(&facts, set_everything);
        for (unsigned i = 0; i < WORKLOAD_FACTS_MAX + 1; i++) {
                WorkloadFact fact = { .user_state = FACT_KNOWN, .user = i };

                (void) snprintf(fact.workload.unit, sizeof(fact.workload.unit), "unit-%u.service", i);
                add_user(&facts, fact);
        }
        settle_users(&facts);
        get(&facts.fixture.facts, match_key_find("workload.unit"), &before);
        assert_int_equal(before.n_texts, WORKLOAD_FACTS_MAX);
        assert_true(before.is_partial);

        document_open(&facts.fixture.facts, &document);
        assert_int_equal(document.example.left_out->n_children, 6);
        get(&document.facts, match_key_find("workload.unit"), &after);
        assert_int_equal(after.state, FACT_KNOWN);
        assert_true(after.is_partial);
        assert_in_range(after.n_texts, 10, WORKLOAD_FACTS_MAX - 1);
        for (size_t i = 0; i < after.n_texts; i++)
                assert_string_equal(after.texts[i], before.texts[i]);
        document_close(&document);
        facts_clear(&facts);
}

static void set_oversized(Facts *facts) {
        set_all_long(facts);
        (void) text_copy(facts->fixture.event.location, EVENT_LOCATION_SIZE,
                         "\x01\x02\x03\x04\x05\x06\x07\x08\x0b\x0c\x0e\x0f\x10\x11\x12\x13\x14\x15\x16\x17");
        memset(facts->owner.user.name, 0x01, sizeof(facts->owner.user.name) - 1);
        memset(facts->owner.group.name, 'g', sizeof(facts->owner.group.name) - 1);
        facts->owner.group.name_state = FACT_KNOWN;
}

/* Whatever comes, it can be read, and what is short is there. */
static void test_room(void **state) {
        static Document document;
        FactValue value;
        Facts facts;

        (void) state;
        document_open(facts_init(&facts, set_oversized), &document);
        get(&document.facts, match_key_find("file.project"), &value);
        assert_int_equal(value.state, FACT_KNOWN);
        get(&document.facts, match_key_find("fs.autofsck"), &value);
        assert_int_equal(value.number, AUTOFSCK_REPAIR);
        document_close(&document);
}

static void set_zone_without_a_name(Facts *facts) {
        _cleanup_(close_fd_at) int fd = open(ZONE_FOLDER "/Europe/Berlin", O_RDONLY|O_CLOEXEC);

        set_everything(facts);
        facts->zone = zone_free(facts->zone);
        assert_int_equal(zone_new_file(fd, ZONE_OF_MACHINE, &facts->zone), 0);
}

/* A copy of a zone file at its place says no name that could be written: what the clock showed is kept. */
static void test_zone_without_a_name(void **state) {
        static Document document;
        FactValue before, after;
        Facts facts;

        (void) state;
        document_open(facts_init(&facts, set_zone_without_a_name), &document);
        get(&facts.fixture.facts, match_key_find("time"), &before);
        get(&document.facts, match_key_find("time"), &after);
        assert_same_value(&before, &after);
        document_close(&document);
        zone_free(facts.zone);
}

/* What people write, and what only we do. */
static void test_times(void **state) {
        static const struct {
                const char *text;
                uint64_t usec;          /* 0: no time */
        } cases[] = {
                { "2026-11-28 03:10", UINT64_C(1795831800000000) },
                { "2026-11-28 03:10:07", UINT64_C(1795831807000000) },
                { "2026-11-28 02:10:07 UTC", UINT64_C(1795831807000000) },
                { "2026-11-28 02:10:07.000009 UTC", UINT64_C(1795831807000009) },
                { "2026-11-28 03:10:07.999999", UINT64_C(1795831807999999) },
                { "2026-11-28 03:10:07.25", 0 },
                { "2026-11-28 03:10:07.2500000", 0 },
                { "2026-11-28 03:10:", 0 },
                { "2026-11-28 03:10 CET", 0 },
                { "2026-11-28", 0 },
                { "2026-02-30 03:10", 0 },
        };

        (void) state;
        for (size_t i = 0; i < ELEMENTSOF(cases); i++) {
                _cleanup_(yaml_tree_free_at) YamlTree *tree = NULL;
                PolicyProblems problems = {};
                EventExample example;
                char text[128];
                int r;

                print_message("%s\n", cases[i].text);
                (void) snprintf(text, sizeof(text), "{event: sick, zone: Europe/Berlin, time: '%s'}", cases[i].text);
                assert_int_equal(yaml_tree_parse(text, strlen(text), 0, &problems, &tree), 0);
                r = event_example_read(yaml_tree_root(tree), NULL, &problems, &example);
                assert_int_equal(r, cases[i].usec != 0 ? 0 : -EINVAL);
                assert_int_equal(example.realtime_usec, cases[i].usec);
                event_example_clear(&example);
                policy_problems_clear(&problems);
        }
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_every_key),
                cmocka_unit_test(test_every_explanation),
                cmocka_unit_test(test_left_out),
                cmocka_unit_test(test_many_users),
                cmocka_unit_test(test_room),
                cmocka_unit_test(test_zone_without_a_name),
                cmocka_unit_test(test_times),
        };

        return cmocka_run_group_tests_name("event-example", tests, NULL, NULL);
}

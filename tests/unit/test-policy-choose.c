/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What the chooser promises beside the cases in tests/policy/cases: facts to gather, calls, limits, and
 * properties that hold for whatever policy.
 */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include "policy/policy-choose.h"
#include "policy/policy-explain.h"
#include "policy/policy-print.h"
#include "src/basic/text.h"
#include "tests/unit/policy-fixture.h"

static void clear_all(Decision *decisions, size_t n) {
        for (size_t i = 0; i < n; i++)
                decision_clear(&decisions[i]);
}

static void test_autofsck_levels(_unused_ void **state) {
        static const struct {
                const char *name;
                FactState state;
                Autofsck autofsck;
                bool has_rmapbt, has_parent_pointers;
                AutofsckLevel level;
        } cases[] = {
                { "none", FACT_KNOWN, AUTOFSCK_NONE, true, true, AUTOFSCK_LEVEL_REPORT },
                { "check", FACT_KNOWN, AUTOFSCK_CHECK, false, false, AUTOFSCK_LEVEL_CHECK },
                { "optimize", FACT_KNOWN, AUTOFSCK_OPTIMIZE, false, false, AUTOFSCK_LEVEL_CHECK },
                { "repair", FACT_KNOWN, AUTOFSCK_REPAIR, false, false, AUTOFSCK_LEVEL_REPAIR },
                { "unset", FACT_KNOWN, AUTOFSCK_UNSET, false, false, AUTOFSCK_LEVEL_REPORT },
                { "unset with rmapbt", FACT_KNOWN, AUTOFSCK_UNSET, true, false, AUTOFSCK_LEVEL_CHECK },
                { "absent with parent pointers", FACT_ABSENT, AUTOFSCK_UNSET, false, true, AUTOFSCK_LEVEL_CHECK },
                { "absent", FACT_ABSENT, AUTOFSCK_REPAIR, false, false, AUTOFSCK_LEVEL_REPORT },
                { "unreadable", FACT_UNKNOWN, AUTOFSCK_REPAIR, true, true, AUTOFSCK_LEVEL_REPORT },
                { "a value from the future", FACT_KNOWN, (Autofsck) 17, true, true, AUTOFSCK_LEVEL_REPORT },
        };

        assert_int_equal(policy_autofsck_level(NULL), AUTOFSCK_LEVEL_REPORT);
        for (size_t i = 0; i < ELEMENTSOF(cases); i++) {
                Fixture fixture;

                print_message("%s\n", cases[i].name);
                fixture_init(&fixture);
                fixture.filesystem.autofsck_state = cases[i].state;
                fixture.filesystem.autofsck = cases[i].autofsck;
                fixture.filesystem.has_rmapbt = cases[i].has_rmapbt;
                fixture.filesystem.has_parent_pointers = cases[i].has_parent_pointers;
                assert_int_equal(policy_autofsck_level(&fixture.filesystem), cases[i].level);
        }
}

static void test_needs_fact(_unused_ void **state) {
        static const struct {
                const char *name, *policy;
                EventKind kind;
                bool needs_autofsck, call_needs_autofsck;
        } cases[] = {
                { "baseline", "version: 1\n", EVENT_SICK, true, false },
                { "baseline, lost events", "version: 1\n", EVENT_EVENTS_LOST, true, false },
                { "baseline, other kinds", "version: 1\n", EVENT_SHUTDOWN, false, false },
                { "no baseline", "version: 1\nbaseline: off\n", EVENT_SICK, false, false },
                { "telling rule", "version: 1\nbaseline: off\nrules: [{id: a, match: {event: sick}, do: [log]}]\n",
                  EVENT_SICK, false, false },
                { "bounded rule", "version: 1\nbaseline: off\nrules: [{id: a, match: {event: sick}, do: [scrub]}]\n",
                  EVENT_SICK, true, false },
                { "rule for another kind",
                  "version: 1\nbaseline: off\nrules: [{id: a, match: {event: corrupt}, do: [scrub]}]\n",
                  EVENT_SICK, false, false },
                { "unbounded rule",
                  "version: 1\nbaseline: off\n"
                  "rules: [{id: a, match: {event: sick}, ignore-autofsck: true, do: [scrub]}]\n",
                  EVENT_SICK, false, false },
                { "matching it",
                  "version: 1\nbaseline: off\nrules: [{id: a, match: {not: {fs: {autofsck: none}}}, do: [log]}]\n",
                  EVENT_HEALTHY, true, false },
                { "protection",
                  "version: 1\nbaseline: off\nprotect: [{id: a, match: {fs: {autofsck: none}}, deny: all}]\n",
                  EVENT_HEALTHY, true, true },
        };

        for (size_t i = 0; i < ELEMENTSOF(cases); i++) {
                _cleanup_(policy_unref_at) Policy *policy = fixture_load(cases[i].policy);

                print_message("%s\n", cases[i].name);
                assert_non_null(policy);
                assert_int_equal(policy_needs_fact(policy, cases[i].kind, POLICY_FACT_AUTOFSCK),
                                 cases[i].needs_autofsck);
                assert_int_equal(policy_call_needs_fact(policy, POLICY_FACT_AUTOFSCK), cases[i].call_needs_autofsck);
                assert_false(policy_needs_fact(policy, cases[i].kind, POLICY_FACT_PATH));
        }
}

/* What costs a process is looked up for the kinds of events whose rules name it, and no other. */
static void test_needs_of_files(_unused_ void **state) {
        static const struct {
                const char *match;
                bool path, owner, project, workload;
        } cases[] = {
                { "file: {path: /srv/a}", true, false, false, false },
                { "file: {owner: root}", false, true, false, false },
                { "file: {group: {not: 8}}", false, true, false, false },
                { "file: {project: 7}", false, false, true, false },
                { "any-of: [{file: {project: 7}}, {file: {owner: 0}}]", false, true, true, false },
                { "none-of: [{workload: {pod: x}}, {file: {owner: 0}}]", false, true, false, true },
                { "fs: {type: xfs}", false, false, false, false },
        };

        for (size_t i = 0; i < ELEMENTSOF(cases); i++) {
                _cleanup_(policy_unref_at) Policy *policy = NULL;
                char text[256];

                print_message("%s\n", cases[i].match);
                (void) snprintf(text, sizeof(text),
                                "version: 1\nrules: [{id: a, match: {event: sick, %s}, do: [log]}]\n", cases[i].match);
                policy = fixture_load(text);
                assert_non_null(policy);
                assert_int_equal(policy_needs_fact(policy, EVENT_SICK, POLICY_FACT_PATH), cases[i].path);
                assert_int_equal(policy_needs_fact(policy, EVENT_SICK, POLICY_FACT_OWNER), cases[i].owner);
                assert_int_equal(policy_needs_fact(policy, EVENT_SICK, POLICY_FACT_PROJECT), cases[i].project);
                assert_int_equal(policy_needs_fact(policy, EVENT_SICK, POLICY_FACT_WORKLOAD), cases[i].workload);
                assert_false(policy_needs_fact(policy, EVENT_CORRUPT, POLICY_FACT_OWNER));
        }
}

/* Who uses it is looked up only if that can change anything. */
static void test_hangs_on_workloads(_unused_ void **state) {
        static const struct {
                const char *text;
                bool hangs;
        } cases[] = {
                { "rules: [{id: a, match: {fs: {mount: /srv}, workload: {unit: x}}, do: [log]}]", true },
                { "rules: [{id: a, match: {fs: {mount: /home}, workload: {unit: x}}, do: [log]}]", false },
                { "rules: [{id: a, match: {any-of: [{event: sick}, {workload: {unit: x}}]}, do: [log]}]", false },
                { "rules: [{id: a, match: {event: corrupt, workload: {unit: x}}, do: [log]}]", false },
                { "rules: [{id: a, match: {file: {path: /x}}, do: [log]}]", false },
                { "rules: [{id: a, match: {event: sick}, when: {count: 2, within: 1h, per: unit}, do: [log]}]", true },
                { "rules: [{id: a, match: {event: sick}, when: {count: 2, within: 1h, per: fs}, do: [log]}]", false },
                { "rules: [{id: a, match: {event: sick}, cooldown: {for: 1h, per: [fs, unit]}, do: [log]}]", true },
                { "rules: [{id: a, match: {event: sick}, gather: {quiet: 1s, max: 1h, per: unit}, do: [log]}]", true },
                { "rules: [{id: a, match: {fs: {type: ext4}}, cooldown: {for: 1h, per: unit}, do: [log]}]", false },
                { "rules: [{id: a, match: {event: corrupt}, cooldown: {for: 1h, per: unit}, do: [log]}]", false },
                { "protect: [{id: a, match: {fs: {label: x}, workload: {pod: x}}, deny: all}]", false },
                { "protect: [{id: a, match: {fs: {type: xfs}, workload: {pod: x}}, deny: all}]", true },
                { "protect: [{id: a, match: {fs: {type: ext4}, workload: {pod: x}}, deny: all}]", false },
        };

        for (size_t i = 0; i < ELEMENTSOF(cases); i++) {
                _cleanup_(policy_unref_at) Policy *policy = NULL;
                char text[256];
                Fixture fixture;

                print_message("%s\n", cases[i].text);
                fixture_init(&fixture);
                (void) snprintf(text, sizeof(text), "version: 1\n%s\n", cases[i].text);
                policy = fixture_load(text);
                assert_non_null(policy);
                assert_int_equal(policy_hangs_on_workloads(policy, &fixture.facts), cases[i].hangs);
        }
}

/* Whom it protects is not looked for where nothing is done anyway. */
static void test_needs_of_workloads(_unused_ void **state) {
        static const char text[] = "version: 1\n"
                                   "protect: [{id: p, match: {workload: {unit: x.service}}, deny: all}]\n"
                                   "rules: [{id: a, match: {event: unit-done, workload: {unit: y}}, do: [log]}]\n";
        _cleanup_(policy_unref_at) Policy *policy = fixture_load(text);

        assert_non_null(policy);
        assert_true(policy_needs_fact(policy, EVENT_SICK, POLICY_FACT_WORKLOAD));
        assert_true(policy_call_needs_fact(policy, POLICY_FACT_WORKLOAD));
        assert_true(policy_needs_fact(policy, EVENT_UNIT_DONE, POLICY_FACT_WORKLOAD));
        assert_false(policy_needs_fact(policy, EVENT_REPAIR_DONE, POLICY_FACT_WORKLOAD));
        assert_false(policy_needs_fact(policy, EVENT_UNMOUNTED, POLICY_FACT_WORKLOAD));
}

static void test_calls(_unused_ void **state) {
        static const char text[] = "version: 1\n"
                                   "protect:\n"
                                   "  - {id: usb, match: {fs: {removable: true}}, deny: all}\n"
                                   "  - {id: db, match: {fs: {label: db}}, deny: [repair]}\n"
                                   "  - {id: sick, match: {fs: {type: ext4}, event: sick}, deny: [scrub]}\n";
        static const struct {
                const char *name;
                Tristate is_removable;
                FactState label_state;
                const char *type;
                ActionKind action;
                const char *denied_by;
        } cases[] = {
                { "nothing protects", TRISTATE_NO, FACT_ABSENT, "xfs", ACTION_REPAIR, NULL },
                { "protected", TRISTATE_YES, FACT_ABSENT, "xfs", ACTION_SCRUB, "protect: usb" },
                { "unknown is protected", TRISTATE_UNKNOWN, FACT_ABSENT, "xfs", ACTION_SCRUB, "protect: usb" },
                { "unknown label", TRISTATE_NO, FACT_UNKNOWN, "xfs", ACTION_REPAIR, "protect: db" },
                { "another action", TRISTATE_NO, FACT_UNKNOWN, "xfs", ACTION_SCRUB, NULL },
                { "telling is not denied", TRISTATE_YES, FACT_ABSENT, "xfs", ACTION_NOTIFY, NULL },
                { "event unknown", TRISTATE_NO, FACT_ABSENT, "ext4", ACTION_SCRUB, "protect: sick" },
        };
        _cleanup_(policy_unref_at) Policy *policy = fixture_load(text);

        assert_non_null(policy);
        for (size_t i = 0; i < ELEMENTSOF(cases); i++) {
                _cleanup_(free_at) char *denied_by = NULL;
                Fixture fixture;

                print_message("%s\n", cases[i].name);
                fixture_init(&fixture);
                fixture.facts.event = NULL;
                /* The property does not bind persons. */
                fixture.filesystem.autofsck = AUTOFSCK_NONE;
                fixture.filesystem.is_removable = cases[i].is_removable;
                fixture.filesystem.label_state = cases[i].label_state;
                fixture.filesystem.type = (char *) cases[i].type;
                assert_int_equal(policy_check_call(policy, &fixture.facts, cases[i].action, &denied_by), 0);
                if (cases[i].denied_by)
                        assert_string_equal(denied_by, cases[i].denied_by);
                else
                        assert_null(denied_by);
        }
}

static void test_handle(_unused_ void **state) {
        PolicyProblems problems = {};
        Policy *policy = NULL, *builtin = NULL;

        assert_int_equal(policy_load_text("a.yaml", "version: 1\nmode: observe\n", 25, 42, &problems, &policy), 0);
        assert_int_equal(policy_generation(policy), 42);
        assert_int_equal(policy_mode(policy), POLICY_MODE_OBSERVE);
        assert_int_equal(policy_baseline(policy), BASELINE_AUTOFSCK);
        assert_int_equal(policy_n_rules(policy), 0);
        assert_int_equal(strlen(policy_hash(policy)), 16);
        assert_string_equal(policy_sources(policy)[0], "a.yaml");
        assert_null(policy_sources(policy)[1]);
        assert_ptr_equal(policy_ref(policy), policy);
        assert_null(policy_unref(policy));
        assert_int_equal(policy_generation(policy), 42);
        assert_null(policy_unref(policy));
        assert_null(policy_unref(NULL));
        policy_problems_clear(&problems);

        assert_int_equal(policy_load_builtin(3, &builtin), 0);
        assert_int_equal(policy_mode(builtin), POLICY_MODE_ENFORCE);
        assert_int_equal(policy_baseline(builtin), BASELINE_AUTOFSCK);
        assert_int_equal(policy_generation(builtin), 3);
        assert_null(policy_sources(builtin)[0]);
        policy_unref(builtin);
}

/* Twenty rules that all continue: what does not fit is said, the baseline is there all the same. */
static void test_many_decisions(_unused_ void **state) {
        Decision decisions[POLICY_DECISIONS_MAX];
        char text[4096] = "version: 1\nrules:\n";
        Fixture fixture;
        Policy *policy;
        size_t n;

        for (unsigned i = 0; i < 20; i++)
                assert_int_equal(text_append_format(text, sizeof(text),
                                                    "- {id: r%u, match: {count: {at-least: %u}}, do: [log], "
                                                    "continue: true}\n", i, i > 0), 0);
        policy = fixture_load(text);
        assert_non_null(policy);
        fixture_init(&fixture);
        assert_int_equal(policy_choose(policy, NULL, &fixture.facts, decisions, POLICY_DECISIONS_MAX, &n), 0);
        assert_int_equal(n, POLICY_DECISIONS_MAX);
        assert_string_equal(decisions[0].reason, "");
        assert_non_null(strstr(decisions[n - 2].reason, "no more were looked at"));
        assert_int_equal(decisions[n - 1].source, DECISION_BASELINE);
        clear_all(decisions, n);

        assert_int_equal(policy_choose(policy, NULL, &fixture.facts, decisions, 3, &n), -E2BIG);
        policy_unref(policy);
}

static uint64_t next_random(uint64_t *seed) {
        *seed ^= *seed << 13;
        *seed ^= *seed >> 7;
        *seed ^= *seed << 17;
        return *seed;
}

static const char *pick(uint64_t *seed, const char *const *words, size_t n) {
        return words[next_random(seed) % n];
}

/* A valid policy out of pieces. */
static void random_policy(uint64_t *seed, char *text, size_t size) {
        static const char *const tests[] = {
                "event: sick", "event: [sick, corrupt]", "event: {none-of: [shutdown]}", "fs: {type: xfs}",
                "fs: {label: x}", "fs: {label: {not: x}}", "fs: {removable: true}", "fs: {removable: false}",
                "fs: {autofsck: repair}", "fs: {autofsck: {not: none}}", "fs: {uuid: '3*'}", "fs: {mount: {under: /}}",
                "structure: finobt", "structure: {not: finobt}", "any-of: [{fs: {label: x}}, {event: sick}]",
                "none-of: [{fs: {removable: true}}]", "fs: {device: '/dev/*'}", "severity: {at-least: info}",
                "time: night", "time: {not: night}", "file: {owner: postgres}", "file: {owner: [root, 117]}",
                "file: {owner: {not: 0}}", "file: {group: root}",
                /* What the index finds rules by. */
                "fs: {mount: /srv}", "fs: {mount: [/home, /srv]}", "fs: {mount: /home}", "fs: {label: [y, x]}",
                "structure: [finobt, inobt, bnobt]", "structure: bnobt", "fs: {device: /dev/sda1}",
                "fs: {uuid: 3F2504E0-4f89-11d3-9a0c-0305e82c3301}", "fs: {uuid: 3f2504e0-4f89-11d3-9a0c-0305e82c3302}",
        };
        static const char *const actions[] = {
                "log", "notify", "repair", "scrub", "{scrub: {repair: if-allowed}}", "{repair: {retries: 1}}",
        };
        static const char *const flags[] = {
                "", "", "", ", continue: true", ", mode: observe", ", ignore-autofsck: true", ", priority: 5",
                ", on-unknown: match",
        };
        static const char *const denials[] = { "all", "[repair]", "[scrub]" };
        unsigned n_rules = (unsigned) (next_random(seed) % 6), n_protects = (unsigned) (next_random(seed) % 3);

        text[0] = '\0';
        (void) text_append_format(text, size, "version: 1\nwindows: {night: '22:00..06:00'}\nmode: %s\n",
                                  next_random(seed) % 4 ? "enforce" : "observe");
        for (unsigned i = 0; i < n_protects; i++)
                (void) text_append_format(text, size, "%s- {id: p%u, match: {%s}, deny: %s}\n",
                                          i == 0 ? "protect:\n" : "", i, pick(seed, tests, ELEMENTSOF(tests)),
                                          pick(seed, denials, ELEMENTSOF(denials)));
        for (unsigned i = 0; i < n_rules; i++)
                (void) text_append_format(text, size, "%s- {id: r%u, match: {all-of: [{%s}, {%s}]}, do: [%s, %s]%s}\n",
                                          i == 0 ? "rules:\n" : "", i,
                                          pick(seed, tests, ELEMENTSOF(tests)),
                                          pick(seed, tests, ELEMENTSOF(tests)),
                                          pick(seed, actions, ELEMENTSOF(actions)),
                                          pick(seed, actions, ELEMENTSOF(actions)),
                                          pick(seed, flags, ELEMENTSOF(flags)));
}

static void random_facts(uint64_t *seed, Fixture *fixture) {
        FilesystemFacts *filesystem = &fixture->filesystem;
        static FileOwner owner;

        fixture_init(fixture);
        if (next_random(seed) % 2 == 0)
                fixture->event.kind = (EventKind) (next_random(seed) % N_EVENT_KINDS);
        if (next_random(seed) % 4 == 0)
                fixture->event.structure = STRUCTURE_NONE;
        if (next_random(seed) % 8 == 0)
                fixture->facts.filesystem = NULL;
        filesystem->is_removable = (Tristate) (next_random(seed) % 3);
        filesystem->label_state = (FactState) (next_random(seed) % 3);
        filesystem->label = filesystem->label_state == FACT_KNOWN ? (char *) "x" : NULL;
        filesystem->autofsck_state = (FactState) (next_random(seed) % 3);
        filesystem->autofsck = (Autofsck) (next_random(seed) % (AUTOFSCK_REPAIR + 1));
        if (next_random(seed) % 4 == 0)
                filesystem->device = NULL;
        owner = (FileOwner) {
                .user = { (FactState) (next_random(seed) % 3), 117, (FactState) (next_random(seed) % 3), "postgres" },
                .group.state = FACT_KNOWN,
        };
        fixture->facts.owner = &owner;
        /* Any hour, or unknown. */
        if (next_random(seed) % 4 > 0)
                fixture->facts.now_realtime_usec = (1 + next_random(seed) % 24) * USEC_PER_HOUR;
}

/* What holds for whatever policy and whatever facts. */
static void check_properties(const Policy *policy, const Fixture *fixture, const Decision *decision) {
        const FilesystemFacts *filesystem = fixture->facts.filesystem;

        for (size_t i = 0; i < decision->n_actions; i++) {
                const ActionRequest *request = &decision->actions[i];
                _cleanup_(free_at) char *denied_by = NULL;

                if (!action_kind_is_destructive(request->kind) || request->denied_by[0])
                        continue;

                assert_non_null(filesystem);
                assert_false(event_kind_is_result(fixture->event.kind));
                assert_int_not_equal(fixture->event.kind, EVENT_UNMOUNTED);
                if (request->kind == ACTION_REPAIR)
                        assert_int_not_equal(fixture->event.structure, STRUCTURE_NONE);
                assert_int_equal(policy_check_call(policy, &fixture->facts, request->kind, &denied_by), 0);
                assert_null(denied_by);
                if (!request->ignore_autofsck && (request->kind == ACTION_REPAIR ||
                                                  request->scrub_repair == SCRUB_REPAIR_IF_ALLOWED)) {
                        assert_int_equal(filesystem->autofsck_state, FACT_KNOWN);
                        assert_int_equal(filesystem->autofsck, AUTOFSCK_REPAIR);
                }
        }
}

/* What is printed loads, and is the same policy. */
static Policy *print_and_load(const Policy *policy) {
        _cleanup_(free_at) char *text = NULL;
        size_t length;
        FILE *stream = open_memstream(&text, &length);

        assert_non_null(stream);
        assert_int_equal(policy_print(policy, stream), 0);
        assert_int_equal(fclose(stream), 0);
        return fixture_load(text);
}

static void check_same(const Policy *policy, const EventFacts *facts, const Decision *expected, size_t n_expected) {
        Decision decisions[POLICY_DECISIONS_MAX];
        size_t n;

        assert_int_equal(policy_choose(policy, NULL, facts, decisions, POLICY_DECISIONS_MAX, &n), 0);
        assert_int_equal(n, n_expected);
        for (size_t i = 0; i < n; i++) {
                _cleanup_(free_at) char *a = policy_decision_text(&decisions[i]);
                _cleanup_(free_at) char *b = policy_decision_text(&expected[i]);

                assert_string_equal(a, b);
        }
        clear_all(decisions, n);
}

/* Does what a person reads equal what is done, and the index the walk? */
static void test_properties(_unused_ void **state) {
        uint64_t seed = UINT64_C(0x9e3779b97f4a7c15);
        unsigned n_loaded = 0, n_allowed = 0;

        for (unsigned i = 0; i < 2000; i++) {
                _cleanup_(policy_unref_at) Policy *policy = NULL, *printed = NULL;
                PolicyProblems problems = {};
                char text[4096];

                random_policy(&seed, text, sizeof(text));
                (void) policy_load_text("random.yaml", text, strlen(text), 1, &problems, &policy);
                policy_problems_clear(&problems);
                if (!policy)
                        continue;
                n_loaded++;
                printed = print_and_load(policy);
                assert_non_null(printed);

                for (unsigned k = 0; k < 10; k++) {
                        Decision walked[POLICY_DECISIONS_MAX], indexed[POLICY_DECISIONS_MAX];
                        size_t n_walked, n_indexed;
                        PolicyTrace trace = {};
                        Fixture fixture;

                        random_facts(&seed, &fixture);
                        assert_int_equal(policy_choose(policy, NULL, &fixture.facts, indexed, POLICY_DECISIONS_MAX,
                                                       &n_indexed), 0);
                        assert_int_equal(policy_choose_traced(policy, NULL, &fixture.facts, walked,
                                                              POLICY_DECISIONS_MAX, &n_walked, &trace), 0);
                        assert_int_equal(n_walked, n_indexed);
                        clear_all(walked, n_walked);
                        assert_int_equal(policy_choose_walking(policy, &fixture.facts, walked, POLICY_DECISIONS_MAX,
                                                               &n_walked), 0);
                        assert_int_equal(n_walked, n_indexed);
                        for (size_t d = 0; d < n_walked; d++) {
                                _cleanup_(free_at) char *a = policy_decision_text(&walked[d]);
                                _cleanup_(free_at) char *b = policy_decision_text(&indexed[d]);

                                if (strcmp(a, b) != 0)
                                        print_message("%s\n", text);
                                assert_string_equal(a, b);
                                check_properties(policy, &fixture, &walked[d]);
                                for (size_t s = 0; s < walked[d].n_actions; s++)
                                        n_allowed += action_kind_is_destructive(walked[d].actions[s].kind) &&
                                                     !walked[d].actions[s].denied_by[0];
                        }
                        check_same(printed, &fixture.facts, indexed, n_indexed);
                        clear_all(walked, n_walked);
                        clear_all(indexed, n_indexed);
                        policy_trace_clear(&trace);
                }
        }

        /* Neither may be empty, or nothing was tested. */
        print_message("%u policies, %u destructive actions\n", n_loaded, n_allowed);
        assert_true(n_loaded > 500 && n_allowed > 500);
}

/* A rule that names several of a file system's mount points is taken once; and with more mount points than lists are
 * merged at once nothing is missed. */
static void test_many_mounts(_unused_ void **state) {
        char text[8192] = "version: 1\nrules:\n"
                          "- {id: both, match: {fs: {mount: [/mnt/0, /mnt/1]}}, do: [log], continue: true}\n";
        char names[40][16], *mounts[ELEMENTSOF(names)];
        Decision decisions[POLICY_DECISIONS_MAX];
        Fixture fixture;
        Policy *policy;
        size_t n;

        for (unsigned i = 0; i < ELEMENTSOF(names); i++) {
                (void) snprintf(names[i], sizeof(names[i]), "/mnt/%u", i);
                mounts[i] = names[i];
                assert_int_equal(text_append_format(text, sizeof(text),
                                                    "- {id: r%u, match: {fs: {mount: /mnt/%u}}, do: [log]%s}\n", i, i,
                                                    i < ELEMENTSOF(names) - 1 && i > 1 ? ", mode: observe" : ""), 0);
        }
        policy = fixture_load(text);
        assert_non_null(policy);
        fixture_init(&fixture);
        fixture.filesystem.mounts = mounts;
        for (size_t n_mounts = 1; n_mounts <= ELEMENTSOF(names); n_mounts++) {
                fixture.filesystem.n_mounts = n_mounts;
                assert_int_equal(policy_choose(policy, NULL, &fixture.facts, decisions, POLICY_DECISIONS_MAX, &n), 0);
                assert_int_equal(n, 2);
                assert_string_equal(decisions[0].rule_id, "both");
                assert_string_equal(decisions[1].rule_id, "r0");
                clear_all(decisions, n);
        }
        /* Only the last of them is named by an acting rule. */
        fixture.filesystem.mounts = mounts + 2;
        fixture.filesystem.n_mounts = ELEMENTSOF(names) - 2;
        assert_int_equal(policy_choose(policy, NULL, &fixture.facts, decisions, POLICY_DECISIONS_MAX, &n), 0);
        assert_string_equal(decisions[n - 1].rule_id, "r39");
        clear_all(decisions, n);
        policy_unref(policy);
}

static void test_explain(_unused_ void **state) {
        static const char text[] = "version: 1\n"
                                   "rules:\n"
                                   "  - {id: scratch, match: {fs: {label: 'scratch*'}, event: sick}, do: [scrub]}\n"
                                   "  - {id: watch, match: {event: sick}, do: [repair], mode: observe}\n"
                                   "  - {id: shadow, match: {domain: ag}, do: [log], mode: observe}\n"
                                   "  - {id: unknown, match: {fs: {device: /dev/sda}}, do: [log]}\n"
                                   "  - {id: heal, match: {event: [sick, corrupt]}, "
                                   "do: [{repair: {timeout: 2min}}, log]}\n"
                                   "  - {id: late, do: [log]}\n";
        _cleanup_(policy_unref_at) Policy *policy = fixture_load(text);
        _cleanup_(free_at) char *explanation = NULL;
        Fixture fixture;

        assert_non_null(policy);
        fixture_init(&fixture);
        fixture.filesystem.device = NULL;
        assert_int_equal(policy_explain(policy, NULL, &fixture.facts, &explanation), 0);
        assert_string_equal(explanation,
                            "rule scratch (test.yaml:3) does not match\n"
                            "    fs.label: {glob: 'scratch*'} in line 3: no, fs.label is absent\n"
                            "rule watch (test.yaml:4) is taken, and only observes\n"
                            "    event: sick in line 4: yes, event is sick\n"
                            "rule shadow (test.yaml:5) matches, but an observing rule before it ended what observing "
                            "rules see\n"
                            "    domain: ag in line 5: yes, domain is ag\n"
                            "rule unknown (test.yaml:6) is passed over, because a fact is unknown\n"
                            "    fs.device: '/dev/sda' in line 6: unknown, fs.device is unknown\n"
                            "rule heal (test.yaml:7) is taken\n"
                            "    event: [sick, corrupt] in line 7: yes, event is sick\n"
                            "rule late (test.yaml:8) is not looked at, because the search had ended\n"
                            "decided:\n"
                            "    rule watch, observe: repair\n"
                            "    rule heal, enforce: repair timeout 2min; log\n");
}

int main(void) {
        static const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_autofsck_levels),
                cmocka_unit_test(test_needs_fact),
                cmocka_unit_test(test_needs_of_files),
                cmocka_unit_test(test_needs_of_workloads),
                cmocka_unit_test(test_hangs_on_workloads),
                cmocka_unit_test(test_calls),
                cmocka_unit_test(test_handle),
                cmocka_unit_test(test_many_decisions),
                cmocka_unit_test(test_many_mounts),
                cmocka_unit_test(test_properties),
                cmocka_unit_test(test_explain),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}

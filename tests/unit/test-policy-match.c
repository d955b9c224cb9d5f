/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * One condition against one event: every key, every operator, and three-valued logic.
 */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include "policy/policy-choose.h"
#include "tests/unit/policy-fixture.h"

/* Changes of the fixture that cases are about. */
static void labelled(Fixture *fixture) {
        fixture->filesystem.label_state = FACT_KNOWN;
        fixture->filesystem.label = (char *) "scratch12";
}

static void label_unknown(Fixture *fixture) {
        fixture->filesystem.label_state = FACT_UNKNOWN;
}

static void two_mounts(Fixture *fixture) {
        fixture->mounts[1] = (char *) "/mnt/a/b";
        fixture->filesystem.n_mounts = 2;
}

static void not_mounted(Fixture *fixture) {
        fixture->filesystem.mounts = NULL;
        fixture->filesystem.n_mounts = 0;
}

static void no_filesystem(Fixture *fixture) {
        fixture->facts.filesystem = NULL;
}

static void device_unknown(Fixture *fixture) {
        fixture->filesystem.device = NULL;
}

static void uuid_unknown(Fixture *fixture) {
        fixture->filesystem.uuid_state = FACT_UNKNOWN;
}

static void removable_unknown(Fixture *fixture) {
        fixture->filesystem.is_removable = TRISTATE_UNKNOWN;
}

static void root_and_state(Fixture *fixture) {
        fixture->filesystem.is_root = TRISTATE_YES;
        fixture->filesystem.is_state = TRISTATE_YES;
}

static void autofsck_unreadable(Fixture *fixture) {
        fixture->filesystem.autofsck_state = FACT_UNKNOWN;
        fixture->filesystem.autofsck_error = EIO;
}

static void autofsck_absent(Fixture *fixture) {
        fixture->filesystem.autofsck_state = FACT_ABSENT;
}

static void two_paths(Fixture *fixture) {
        static const char *const paths[] = { "/mnt/a", "/srv/a", NULL };

        fixture->facts.path_state = FACT_KNOWN;
        fixture->facts.paths = paths;
}

static void path_unknown(Fixture *fixture) {
        fixture->facts.path_state = FACT_UNKNOWN;
        fixture->facts.path_error = EIO;
}

static void no_path(Fixture *fixture) {
        fixture->facts.path_state = FACT_ABSENT;
}

static void two_reasons(Fixture *fixture) {
        fixture->event.kind = EVENT_SHUTDOWN;
        fixture->event.shutdown_reasons = SHUTDOWN_LOG_IO_ERROR | SHUTDOWN_METADATA_IO_ERROR;
}

static void new_reason(Fixture *fixture) {
        fixture->event.kind = EVENT_SHUTDOWN;
        fixture->event.shutdown_reasons = UINT32_C(1) << 20;
}

static void at_a_place(Fixture *fixture) {
        fixture->event.kind = EVENT_FILESYSTEM_ERROR;
        strcpy(fixture->event.location, "ext4_lookup:1857");
}

static void write_error(Fixture *fixture) {
        fixture->event = (HealthEvent) {
                .id = 7,
                .kind = EVENT_WRITE_ERROR,
                .domain = DOMAIN_FILERANGE,
                .error = ENOSPC,
                .count = 12,
        };
}

static void inode_unknown_bit(Fixture *fixture) {
        fixture->event.domain = DOMAIN_INODE;
        fixture->event.structure = STRUCTURE_UNRECOGNISED;
}

static void realtime_super(Fixture *fixture) {
        fixture->event.domain = DOMAIN_RTGROUP;
        fixture->event.structure = STRUCTURE_RTGROUP_SUPER;
}

static FileOwner someone;

static void owned(Fixture *fixture) {
        someone = (FileOwner) {
                .user = { .state = FACT_KNOWN, .number = 117, .name_state = FACT_KNOWN, .name = "postgres" },
                .group = { .state = FACT_KNOWN, .number = 8, .name_state = FACT_ABSENT },
                .project_state = FACT_KNOWN,
                .project = 12,
        };
        fixture->facts.owner = &someone;
}

/* The name service did not answer. */
static void owned_by_a_number(Fixture *fixture) {
        owned(fixture);
        someone.user.name_state = someone.group.name_state = FACT_UNKNOWN;
        someone.project_state = FACT_UNKNOWN;
        someone.project_error = EOPNOTSUPP;
}

static void owner_unknown(Fixture *fixture) {
        someone = (FileOwner) { .error = ESTALE };
        fixture->facts.owner = &someone;
}

static void no_file(Fixture *fixture) {
        someone = (FileOwner) {
                .user.state = FACT_ABSENT,
                .group.state = FACT_ABSENT,
                .project_state = FACT_ABSENT,
        };
        fixture->facts.owner = &someone;
}

static WorkloadFacts users;

static void add_user(const char *unit, const char *slice, const char *container, uint32_t user, const char *account) {
        WorkloadFact fact = { .user_state = FACT_KNOWN, .user = user };

        strcpy(fact.workload.unit, unit);
        strcpy(fact.workload.slice, slice);
        strcpy(fact.workload.container, container);
        strcpy(fact.workload.pod, container[0] ? "0a-1b" : "");
        (void) snprintf(fact.cgroup, sizeof(fact.cgroup), "/%s/%s", slice, unit);
        fact.account_state = account ? FACT_KNOWN : FACT_ABSENT;
        strcpy(fact.account, account ?: "");
        assert_int_equal(workload_facts_add(&users, &fact), 0);
}

static void used_by(Fixture *fixture, bool is_partial) {
        users.is_partial = is_partial;
        assert_int_equal(workload_facts_settle(&users), 0);
        fixture->facts.workloads_state = FACT_KNOWN;
        fixture->facts.workloads = &users;
}

static void used(Fixture *fixture) {
        workload_facts_clear(&users);
        add_user("db@main.service", "system.slice", "", 117, "postgres");
        add_user("cri-1.scope", "pods.slice", "c0ffee", 0, "root");
        add_user("cri-1.scope", "pods.slice", "c0ffee", 0, "root");
        add_user("loose.service", "system.slice", "", 4711, NULL);
        used_by(fixture, false);
}

static void used_by_some(Fixture *fixture) {
        workload_facts_clear(&users);
        add_user("db@main.service", "system.slice", "", 117, "postgres");
        used_by(fixture, true);
}

/* The names are not known, and the path was too long. */
static void used_by_numbers(Fixture *fixture) {
        workload_facts_clear(&users);
        add_user("db@main.service", "system.slice", "", 117, NULL);
        users.items[0].account_state = FACT_UNKNOWN;
        users.items[0].cgroup[0] = '\0';
        used_by(fixture, false);
}

static void used_by_nobody(Fixture *fixture) {
        workload_facts_clear(&users);
        used_by(fixture, false);
}

static void used_by_who_knows(Fixture *fixture) {
        fixture->facts.workloads_state = FACT_UNKNOWN;
        fixture->facts.workloads_error = ETIMEDOUT;
}

/* Saturday, 00:30 in UTC. */
static void on_saturday(Fixture *fixture) {
        fixture->facts.now_realtime_usec = UINT64_C(1795825800) * USEC_PER_SEC;
}

typedef struct MatchCase {
        const char *match;
        Verdict verdict;
        void (*change)(Fixture *fixture);
} MatchCase;

#define YES VERDICT_YES
#define NO VERDICT_NO
#define UNKNOWN VERDICT_UNKNOWN

static const MatchCase cases[] = {
        { "{}", YES, NULL },
        { "fs: {type: xfs}", YES, NULL },
        { "fs: {type: ext4}", NO, NULL },
        { "fs: {type: [ext4, xfs]}", YES, NULL },
        { "fs: {type: xfs}", NO, no_filesystem },
        { "not: {fs: {type: xfs}}", YES, no_filesystem },
        { "fs: {mount: /srv}", YES, NULL },
        { "fs: {mount: /mnt}", NO, NULL },
        { "fs: {mount: /mnt/a/b}", YES, two_mounts },
        { "fs: {mount: '/mnt/*'}", NO, two_mounts },
        { "fs: {mount: '/mnt/**'}", YES, two_mounts },
        { "fs: {mount: {glob: '/mnt/**'}}", YES, two_mounts },
        { "fs: {mount: {under: /mnt}}", YES, two_mounts },
        { "fs: {mount: {under: /mnt}}", NO, NULL },
        { "fs: {mount: {regex: '/mnt/.*'}}", YES, two_mounts },
        /* Any mount, so that "not" is "none of them". */
        { "fs: {mount: {not: /srv}}", NO, two_mounts },
        { "fs: {mount: {none-of: [/x, /y]}}", YES, two_mounts },
        { "fs: {mount: {all-of: [/srv, {under: /mnt}]}}", YES, two_mounts },
        { "fs: {mount: {under: /}}", NO, not_mounted },
        { "fs: {mount: {not: {under: /}}}", YES, not_mounted },
        { "fs: {label: scratch12}", YES, labelled },
        { "fs: {label: {regex: '^scratch[0-9]+$'}}", YES, labelled },
        { "fs: {label: {regex: 'scratch'}}", NO, labelled },
        { "fs: {label: 'scratch*'}", YES, labelled },
        { "fs: {label: {glob: 's*', not: '*3'}}", YES, labelled },
        { "fs: {label: {glob: 's*', not: '*2'}}", NO, labelled },
        { "fs: {label: x}", NO, NULL },
        { "fs: {label: {not: x}}", YES, NULL },
        { "fs: {label: x}", UNKNOWN, label_unknown },
        { "fs: {label: {not: x}}", UNKNOWN, label_unknown },
        { "fs: {label: {any-of: [x, y]}}", UNKNOWN, label_unknown },
        { "fs: {uuid: 3F2504E0-4F89-11D3-9A0C-0305E82C3301}", YES, NULL },
        { "fs: {uuid: 3f2504e0-4f89-11d3-9a0c-0305e82c3302}", NO, NULL },
        { "fs: {uuid: '3f2504e0-*'}", YES, NULL },
        { "fs: {uuid: '3f2504e0-*'}", UNKNOWN, uuid_unknown },
        { "fs: {device: /dev/sda1}", YES, NULL },
        { "fs: {device: {under: /dev}}", YES, NULL },
        { "fs: {device: /dev/sda1}", UNKNOWN, device_unknown },
        { "fs: {root: true}", NO, NULL },
        { "fs: {root: true, state: true}", YES, root_and_state },
        { "fs: {root: false}", NO, root_and_state },
        { "fs: {removable: false}", YES, NULL },
        { "fs: {removable: false}", UNKNOWN, removable_unknown },
        { "fs: {removable: [true, false]}", UNKNOWN, removable_unknown },
        { "fs: {autofsck: repair}", YES, NULL },
        { "fs: {autofsck: [none, check]}", NO, NULL },
        { "fs: {autofsck: repair}", UNKNOWN, autofsck_unreadable },
        { "fs: {autofsck: unset}", YES, autofsck_absent },
        { "fs: {autofsck: {not: unset}}", NO, autofsck_absent },

        { "event: sick", YES, NULL },
        { "event: [corrupt, shutdown]", NO, NULL },
        { "event: {none-of: [corrupt, shutdown]}", YES, NULL },
        { "event: write-error", YES, write_error },
        { "severity: {at-least: info}", YES, NULL },
        { "severity: {at-least: error}", YES, write_error },
        { "severity: {at-least: critical}", NO, write_error },
        { "severity: {at-most: error}", YES, write_error },
        { "severity: {at-most: warning}", NO, write_error },
        { "severity: error", YES, write_error },
        { "severity: [alert, critical]", NO, write_error },
        { "domain: ag", YES, NULL },
        { "domain: filerange", YES, write_error },
        { "structure: finobt", YES, NULL },
        { "structure: [bnobt, cntbt]", NO, NULL },
        { "structure: finobt", NO, write_error },
        { "structure: {not: finobt}", YES, write_error },
        { "structure: unrecognised", YES, inode_unknown_bit },
        { "structure: finobt", NO, inode_unknown_bit },
        /* One word in two domains. */
        { "structure: super", YES, realtime_super },
        { "{structure: super, domain: ag}", NO, realtime_super },
        { "group: 3", YES, NULL },
        { "group: 0x3", YES, NULL },
        { "group: [1, 2]", NO, NULL },
        { "group: {at-least: 2, at-most: 3}", YES, NULL },
        { "group: {at-least: 4}", NO, NULL },
        { "group: {at-least: 0}", NO, write_error },
        { "errno: ENOSPC", YES, write_error },
        { "errno: {none-of: [ENOSPC, EDQUOT]}", NO, write_error },
        { "errno: {none-of: [ENOSPC, EDQUOT]}", YES, NULL },
        { "errno: EIO", NO, write_error },
        { "count: 12", YES, write_error },
        { "count: {at-least: 12}", YES, write_error },
        { "count: {at-least: 13}", NO, write_error },
        { "count: 1", YES, NULL },
        { "file: {path: /srv/a}", YES, two_paths },
        { "file: {path: {under: /mnt}}", YES, two_paths },
        { "file: {path: '/srv/*'}", YES, two_paths },
        { "file: {path: {not: '/home/**'}}", YES, two_paths },
        { "file: {path: /srv/b}", NO, two_paths },
        { "file: {path: /srv/a}", UNKNOWN, path_unknown },
        { "file: {path: /srv/a}", NO, no_path },
        { "file: {path: {not: /srv/a}}", YES, no_path },
        { "shutdown-reason: log-io-error", YES, two_reasons },
        { "shutdown-reason: [device-removed, metadata-io-error]", YES, two_reasons },
        { "shutdown-reason: {all-of: [log-io-error, metadata-io-error]}", YES, two_reasons },
        { "shutdown-reason: {all-of: [log-io-error, device-removed]}", NO, two_reasons },
        { "shutdown-reason: {not: device-removed}", YES, two_reasons },
        { "shutdown-reason: {not: log-io-error}", NO, two_reasons },
        { "shutdown-reason: unrecognised", NO, two_reasons },
        { "shutdown-reason: unrecognised", YES, new_reason },
        { "shutdown-reason: log-io-error", NO, NULL },
        { "shutdown-reason: {not: log-io-error}", YES, NULL },
        { "location: 'ext4_lookup:1857'", YES, at_a_place },
        { "location: {regex: 'ext4_[a-z]+:[0-9]+'}", YES, at_a_place },
        { "location: 'xfs_*'", NO, at_a_place },
        { "location: 'ext4_*'", NO, NULL },

        { "file: {owner: postgres}", YES, owned },
        { "file: {owner: 117}", YES, owned },
        { "file: {owner: 0x75}", YES, owned },
        { "file: {owner: [root, postgres]}", YES, owned },
        { "file: {owner: [0, 117]}", YES, owned },
        { "file: {owner: 'post*'}", YES, owned },
        { "file: {owner: {regex: '[a-z]+'}}", YES, owned },
        { "file: {owner: {at-least: 100, at-most: 999}}", YES, owned },
        { "file: {owner: {at-least: 1000}}", NO, owned },
        { "file: {owner: root}", NO, owned },
        { "file: {owner: {not: root}}", YES, owned },
        { "file: {owner: '11*'}", NO, owned },
        { "file: {group: 8}", YES, owned },
        /* A number that has no name here has none of these. */
        { "file: {group: postgres}", NO, owned },
        { "file: {group: {not: postgres}}", YES, owned },
        { "file: {project: 12}", YES, owned },
        { "file: {project: {at-least: 13}}", NO, owned },
        { "file: {project: [0, 12]}", YES, owned },
        /* One whose name is not known might have any. */
        { "file: {owner: postgres}", UNKNOWN, owned_by_a_number },
        { "file: {owner: {not: root}}", UNKNOWN, owned_by_a_number },
        { "file: {owner: 117}", YES, owned_by_a_number },
        { "file: {owner: 118}", NO, owned_by_a_number },
        { "file: {owner: [postgres, 117]}", YES, owned_by_a_number },
        { "file: {group: [postgres, 117]}", UNKNOWN, owned_by_a_number },
        { "file: {project: 12}", UNKNOWN, owned_by_a_number },
        { "file: {owner: 117}", UNKNOWN, owner_unknown },
        { "file: {group: {not: 117}}", UNKNOWN, owner_unknown },
        { "file: {owner: 117}", UNKNOWN, NULL },
        { "file: {project: 0}", UNKNOWN, NULL },
        { "file: {owner: 0}", NO, no_file },
        { "file: {owner: {not: root}}", YES, no_file },
        { "file: {group: 0}", NO, no_file },
        { "file: {project: 0}", NO, no_file },
        { "workload: {unit: db@main.service}", YES, used },
        { "workload: {unit: 'db@*.service'}", YES, used },
        { "workload: {unit: {regex: 'cri-[0-9]+[.]scope'}}", YES, used },
        { "workload: {unit: mail.service}", NO, used },
        { "workload: {unit: {not: mail.service}}", YES, used },
        { "workload: {unit: {not: 'db@*'}}", NO, used },
        /* Each of them for itself: one that is both is not asked for. */
        { "workload: {unit: 'db@*', container: c0ffee}", YES, used },
        { "workload: {slice: [mail.slice, pods.slice]}", YES, used },
        { "workload: {cgroup: {under: /pods.slice}}", YES, used },
        { "workload: {cgroup: /system.slice/mail.service}", NO, used },
        { "workload: {user: postgres}", YES, used },
        { "workload: {user: [nobody, 0]}", YES, used },
        { "workload: {user: 117}", YES, used },
        { "workload: {user: {at-least: 1000}}", YES, used },
        /* So are the two ends of a range. */
        { "workload: {user: {at-least: 1, at-most: 100}}", YES, used },
        { "workload: {user: 5}", NO, used },
        { "workload: {user: 'm*'}", NO, used },
        { "workload: {container: c0ffee}", YES, used },
        { "workload: {pod: '*'}", YES, used },
        { "workload: {pod: '*'}", NO, used_by_nobody },
        { "workload: {unit: {not: a.service}}", YES, used_by_nobody },
        { "workload: {unit: 'db@*'}", YES, used_by_some },
        { "workload: {unit: mail.service}", UNKNOWN, used_by_some },
        { "workload: {pod: '*'}", UNKNOWN, used_by_some },
        { "workload: {user: postgres}", YES, used_by_some },
        { "workload: {user: 0}", UNKNOWN, used_by_some },
        { "workload: {user: 117}", YES, used_by_numbers },
        { "workload: {user: 118}", NO, used_by_numbers },
        { "workload: {user: postgres}", UNKNOWN, used_by_numbers },
        { "workload: {cgroup: '/**'}", UNKNOWN, used_by_numbers },
        { "workload: {pod: '*'}", NO, used_by_numbers },
        { "workload: {unit: a.service}", UNKNOWN, used_by_who_knows },
        { "workload: {unit: {not: a.service}}", UNKNOWN, used_by_who_knows },
        { "workload: {unit: a.service}", NO, no_filesystem },
        { "time: weekend", YES, on_saturday },
        { "time: night", NO, on_saturday },
        { "time: [night, weekend]", YES, on_saturday },
        { "time: {not: night}", YES, on_saturday },
        { "time: {all-of: [weekend, {not: night}]}", YES, on_saturday },
        { "time: weekend", UNKNOWN, NULL },
        { "time: {none-of: [night, weekend]}", UNKNOWN, NULL },
        { "{event: corrupt, time: weekend}", NO, NULL },

        /* Maps: and, or, none, with unknown in between (Kleene). */
        { "{event: sick, structure: finobt}", YES, NULL },
        { "{event: sick, structure: bnobt}", NO, NULL },
        { "{event: sick, fs: {label: x}}", UNKNOWN, label_unknown },
        { "{event: corrupt, fs: {label: x}}", NO, label_unknown },
        { "{fs: {label: x}, event: corrupt}", NO, label_unknown },
        { "any-of: [{event: sick}, {fs: {label: x}}]", YES, label_unknown },
        { "any-of: [{fs: {label: x}}, {event: sick}]", YES, label_unknown },
        { "any-of: [{fs: {label: x}}, {event: corrupt}]", UNKNOWN, label_unknown },
        { "none-of: [{fs: {label: x}}, {event: sick}]", NO, label_unknown },
        { "none-of: [{fs: {label: x}}, {event: corrupt}]", UNKNOWN, label_unknown },
        { "none-of: [{event: shutdown}, {event: corrupt}]", YES, label_unknown },
        { "not: {event: sick, structure: bnobt}", YES, NULL },
        { "not: {event: sick, structure: finobt}", NO, NULL },
        { "not: {not: {event: sick}}", YES, NULL },
        { "all-of: [{event: sick}, {structure: finobt}]", YES, NULL },
        { "all-of: [{event: sick}, {structure: bnobt}]", NO, NULL },
        { "fs: {any-of: [{label: x}, {type: xfs}]}", YES, label_unknown },
        { "fs: {none-of: [{type: ext4}, {mount: /mnt}]}", YES, NULL },
        { "{any-of: [{event: sick}], none-of: [{event: corrupt}], all-of: [{domain: ag}], not: {group: 4}}", YES,
          NULL },
};

static Verdict match(const char *text, const Fixture *fixture, char **ret_explanation) {
        _cleanup_(policy_unref_at) Policy *policy = NULL;
        Decision decisions[POLICY_DECISIONS_MAX];
        PolicyTrace trace = {};
        char policy_text[1024];
        Verdict verdict;
        size_t n;

        (void) snprintf(policy_text, sizeof(policy_text),
                        "version: 1\nbaseline: off\nwindows: {weekend: 'Sat,Sun', night: '22:00..00:30'}\n"
                        "rules: [{id: a, match: %s%s%s, do: [log]}]\n",
                        text[0] == '{' ? "" : "{", text, text[0] == '{' ? "" : "}");
        policy = fixture_load(policy_text);
        assert_non_null(policy);
        assert_int_equal(policy_choose_traced(policy, NULL, &fixture->facts, decisions, POLICY_DECISIONS_MAX, &n,
                                              &trace), 0);
        assert_int_equal(trace.n_rules, 1);
        verdict = trace.rules[0].verdict;
        assert_int_equal(trace.rules[0].outcome, verdict == VERDICT_NO ? RULE_NOT_MATCHED :
                                                 verdict == VERDICT_YES ? RULE_TAKEN : RULE_UNKNOWN);
        if (ret_explanation) {
                MatchContext context;

                match_context_init(&context, &fixture->facts);
                *ret_explanation = match_fact_text(&context, trace.rules[0].decider->key);
        }
        for (size_t i = 0; i < n; i++)
                decision_clear(&decisions[i]);
        policy_trace_clear(&trace);
        return verdict;
}

static void test_cases(_unused_ void **state) {
        for (size_t i = 0; i < ELEMENTSOF(cases); i++) {
                Fixture fixture;

                print_message("%s: %s\n", cases[i].match, verdict_to_name(cases[i].verdict));
                fixture_init(&fixture);
                if (cases[i].change)
                        cases[i].change(&fixture);
                assert_int_equal(match(cases[i].match, &fixture, NULL), cases[i].verdict);
        }
}

/* Every key that is built is met by at least one case above. */
static void test_keys_have_cases(_unused_ void **state) {
        for (size_t i = 0; i < match_key_count(); i++) {
                const MatchKey *key = match_key_at(i);
                const char *name = strchr(key->path, '.') ? strchr(key->path, '.') + 1 : key->path;
                char text[64];
                bool has_case = false;

                (void) snprintf(text, sizeof(text), "%s:", name);
                for (size_t k = 0; k < ELEMENTSOF(cases) && !has_case; k++)
                        has_case = strstr(cases[k].match, text);
                print_message("%s\n", key->path);
                assert_true(has_case);
        }
}

/* Without an event everything about it is unknown. */
static void test_no_event(_unused_ void **state) {
        for (size_t i = 0; i < match_key_count(); i++) {
                const MatchKey *key = match_key_at(i);
                MatchContext context;
                Fixture fixture;

                print_message("%s\n", key->path);
                fixture_init(&fixture);
                fixture.facts.event = NULL;
                match_context_init(&context, &fixture.facts);
                assert_int_equal(match_context_value(&context, key)->state == FACT_UNKNOWN,
                                 strncmp(key->path, "fs.", 3) != 0);
        }
}

static void test_fact_texts(_unused_ void **state) {
        static const struct {
                const char *match, *text;
                void (*change)(Fixture *fixture);
        } texts[] = {
                { "fs: {label: x}", "fs.label is \"scratch12\"", labelled },
                { "fs: {label: x}", "fs.label is absent", NULL },
                { "fs: {label: x}", "fs.label is unknown", label_unknown },
                { "fs: {mount: /x}", "fs.mount is \"/srv\", \"/mnt/a/b\"", two_mounts },
                { "fs: {autofsck: none}", "fs.autofsck is unknown (EIO)", autofsck_unreadable },
                { "fs: {root: false}", "fs.root is true", root_and_state },
                { "event: corrupt", "event is sick", NULL },
                { "structure: bnobt", "structure is finobt", NULL },
                { "group: 4", "group is 3", NULL },
                { "errno: EIO", "errno is ENOSPC", write_error },
                { "time: night", "time is Sat 00:30", on_saturday },
                { "file: {owner: root}", "file.owner is 117 (\"postgres\")", owned },
                { "file: {group: root}", "file.group is 8 (it has no name)", owned },
                { "file: {owner: root}", "file.owner is 117 (its name is unknown)", owned_by_a_number },
                { "file: {project: 1}", "file.project is unknown (EOPNOTSUPP)", owned_by_a_number },
                { "file: {owner: root}", "file.owner is unknown (ESTALE)", owner_unknown },
                { "file: {owner: root}", "file.owner is absent", no_file },
                { "workload: {unit: x}", "workload.unit is \"db@main.service\", \"cri-1.scope\", \"loose.service\"",
                  used },
                { "workload: {user: x}", "workload.user is 117, 0, 4711 (\"postgres\", \"root\")", used },
                { "workload: {unit: x}", "workload.unit is \"db@main.service\", and perhaps others", used_by_some },
                { "workload: {user: 5}", "workload.user is 117 (its name is unknown)", used_by_numbers },
                { "workload: {pod: x}", "workload.pod is absent", used_by_nobody },
                { "workload: {pod: x}", "workload.pod is unknown (ETIMEDOUT)", used_by_who_knows },
        };

        for (size_t i = 0; i < ELEMENTSOF(texts); i++) {
                _cleanup_(free_at) char *text = NULL;
                Fixture fixture;

                fixture_init(&fixture);
                if (texts[i].change)
                        texts[i].change(&fixture);
                (void) match(texts[i].match, &fixture, &text);
                assert_string_equal(text, texts[i].text);
        }
}

static int forget_users(_unused_ void **state) {
        workload_facts_clear(&users);
        return 0;
}

int main(void) {
        static const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_cases),
                cmocka_unit_test(test_keys_have_cases),
                cmocka_unit_test(test_no_event),
                cmocka_unit_test(test_fact_texts),
        };

        return cmocka_run_group_tests(tests, NULL, forget_users);
}

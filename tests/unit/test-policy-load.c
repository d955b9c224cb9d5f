/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Search order, drop-ins, masks, replacement, ownership: on trees in a temporary folder.
 */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <fcntl.h>
#include <ftw.h>
#include <sys/stat.h>

#include "policy/policy-choose.h"
#include "policy/policy-explain.h"
#include "policy/policy-print.h"
#include "policy/policy-rules.h"
#include "src/basic/file.h"
#include "src/basic/text.h"
#include "tests/unit/policy-fixture.h"

#define FILES_MAX 8

typedef struct TestFile {
        const char *path;
        const char *text;       /* "->TARGET" makes a link */
} TestFile;

typedef struct LoadCase {
        const char *name;
        TestFile files[FILES_MAX];
        int result;
        const char *rules;      /* ids in the order they are looked at */
        PolicyMode mode;
        const char *sources;    /* without the root folder */
        const char *problem;    /* part of any problem, NULL: there is none */
} LoadCase;

#define ETC "/etc/xfs_healer/"
#define RUN "/run/xfs_healer/"
#define LOCAL "/usr/local/lib/xfs_healer/"
#define USR "/usr/lib/xfs_healer/"
#define RULE(id, event) "rules: [{id: " id ", match: {event: " event "}, do: [log]}]\n"
#define V "version: 1\n"

static const LoadCase cases[] = {
        { "nothing", {}, 0, "", POLICY_MODE_ENFORCE, "", NULL },
        { "vendor only", { { USR "policy.yaml", V RULE("usr", "sick") } }, 0, "usr", POLICY_MODE_ENFORCE,
          USR "policy.yaml", NULL },
        { "local before vendor",
          { { USR "policy.yaml", V RULE("usr", "sick") }, { LOCAL "policy.yaml", V RULE("local", "sick") } },
          0, "local", POLICY_MODE_ENFORCE, LOCAL "policy.yaml", NULL },
        { "run before local",
          { { RUN "policy.yaml", V RULE("run", "sick") }, { LOCAL "policy.yaml", V RULE("local", "sick") } },
          0, "run", POLICY_MODE_ENFORCE, RUN "policy.yaml", NULL },
        { "etc before all",
          { { ETC "policy.yaml", V "mode: observe\n" }, { RUN "policy.yaml", V RULE("run", "sick") },
            { USR "policy.yaml", "not even YAML: [" } },
          0, "", POLICY_MODE_OBSERVE, ETC "policy.yaml", NULL },
        { "main file masked",
          { { ETC "policy.yaml", "->/dev/null" }, { USR "policy.yaml", V "mode: observe\n" } },
          0, "", POLICY_MODE_ENFORCE, "", NULL },
        { "an empty main file is no mask",
          { { ETC "policy.yaml", "" }, { USR "policy.yaml", V } },
          -EINVAL, "", POLICY_MODE_ENFORCE, "", "the file holds nothing" },
        { "a dangling link is an error", { { ETC "policy.yaml", "->/nowhere/at/all" } },
          -EINVAL, "", POLICY_MODE_ENFORCE, "", "cannot be read: No such file" },
        { "drop-ins by name whatever the folder",
          { { ETC "policy.d/20-b.yaml", V RULE("b", "sick") }, { USR "policy.d/10-a.yaml", V RULE("a", "corrupt") },
            { RUN "policy.d/30-c.yaml", V RULE("c", "shutdown") }, { USR "policy.yaml", V RULE("main", "healthy") } },
          0, "main a b c", POLICY_MODE_ENFORCE,
          USR "policy.yaml " USR "policy.d/10-a.yaml " ETC "policy.d/20-b.yaml " RUN "policy.d/30-c.yaml", NULL },
        { "equal names",
          { { USR "policy.d/10-a.yaml", V RULE("usr", "sick") },
            { LOCAL "policy.d/10-a.yaml", V RULE("local", "sick") },
            { RUN "policy.d/10-a.yaml", V RULE("run", "sick") }, { ETC "policy.d/10-a.yaml", V RULE("etc", "sick") } },
          0, "etc", POLICY_MODE_ENFORCE, ETC "policy.d/10-a.yaml", NULL },
        { "run before usr",
          { { USR "policy.d/10-a.yaml", V RULE("usr", "sick") }, { RUN "policy.d/10-a.yaml", V RULE("run", "sick") } },
          0, "run", POLICY_MODE_ENFORCE, RUN "policy.d/10-a.yaml", NULL },
        { "masked by a link",
          { { USR "policy.d/10-a.yaml", V RULE("usr", "sick") }, { ETC "policy.d/10-a.yaml", "->/dev/null" } },
          0, "", POLICY_MODE_ENFORCE, "", NULL },
        { "masked by an empty file",
          { { USR "policy.d/10-a.yaml", V RULE("usr", "sick") }, { ETC "policy.d/10-a.yaml", "" } },
          0, "", POLICY_MODE_ENFORCE, "", NULL },
        { "other names are not read",
          { { ETC "policy.d/10-a.yaml~", "[" }, { ETC "policy.d/.10-a.yaml", "[" }, { ETC "policy.d/README", "[" } },
          0, "", POLICY_MODE_ENFORCE, "", NULL },
        { "a likely slip is said", { { ETC "policy.d/10-a.yml", "[" } },
          0, "", POLICY_MODE_ENFORCE, "", "ends in .yml, which is not read" },
        { "replaced in place",
          { { USR "policy.yaml", V "rules:\n- {id: a, match: {event: sick}, do: [log]}\n"
                                   "- {id: b, match: {event: sick}, do: [repair]}\n" },
            { ETC "policy.d/50-a.yaml", V "rules: [{id: a, match: {event: corrupt}, do: [notify]}, "
                                        "{id: c, match: {event: shutdown}, do: [log]}]\n" } },
          0, "a b c", POLICY_MODE_ENFORCE, USR "policy.yaml " ETC "policy.d/50-a.yaml", NULL },
        { "disabled",
          { { USR "policy.yaml", V "rules:\n- {id: a, match: {event: sick}, do: [log]}\n"
                                   "- {id: b, match: {event: sick}, do: [repair]}\n" },
            { ETC "policy.d/50-a.yaml", V "disable: [a]\n" } },
          0, "b", POLICY_MODE_ENFORCE, USR "policy.yaml " ETC "policy.d/50-a.yaml", NULL },
        { "disabled and written anew stands at the end",
          { { USR "policy.yaml", V "rules:\n- {id: a, match: {event: sick}, do: [log]}\n"
                                   "- {id: b, match: {event: corrupt}, do: [log]}\n" },
            { ETC "policy.d/50-a.yaml", V "disable: [a]\n" RULE("a", "shutdown") } },
          0, "b a", POLICY_MODE_ENFORCE, USR "policy.yaml " ETC "policy.d/50-a.yaml", NULL },
        { "disabling what is not there",
          { { ETC "policy.d/50-a.yaml", V "disable: [nobody]\n" } },
          0, "", POLICY_MODE_ENFORCE, ETC "policy.d/50-a.yaml", "no rule \"nobody\" was read before this file" },
        { "disabling what comes later",
          { { ETC "policy.d/50-a.yaml", V "disable: [b]\n" }, { ETC "policy.d/60-b.yaml", V RULE("b", "sick") } },
          0, "b", POLICY_MODE_ENFORCE, ETC "policy.d/50-a.yaml " ETC "policy.d/60-b.yaml", "no rule \"b\"" },
        { "the last mode wins",
          { { ETC "policy.yaml", V "mode: observe\n" }, { ETC "policy.d/99-canary.yaml", V "mode: enforce\n" } },
          0, "", POLICY_MODE_ENFORCE, ETC "policy.yaml " ETC "policy.d/99-canary.yaml", NULL },
        { "observe in a drop-in",
          { { ETC "policy.yaml", V "mode: enforce\n" }, { ETC "policy.d/99-canary.yaml", V "mode: observe\n" } },
          0, "", POLICY_MODE_OBSERVE, ETC "policy.yaml " ETC "policy.d/99-canary.yaml", NULL },
        { "priority before place",
          { { ETC "policy.yaml", V RULE("a", "sick") },
            { ETC "policy.d/1.yaml", V "rules: [{id: b, match: {event: sick}, priority: 1, do: [notify], "
                                       "continue: true}]\n" } },
          0, "b a", POLICY_MODE_ENFORCE, ETC "policy.yaml " ETC "policy.d/1.yaml", NULL },
        { "baseline is no business of drop-ins",
          { { ETC "policy.d/1.yaml", V "baseline: off\n" } },
          -EINVAL, "", POLICY_MODE_ENFORCE, "", "\"baseline\" cannot stand in a drop-in" },
        { "drop-ins have a version too",
          { { ETC "policy.d/1.yaml", "mode: observe\n" } },
          -EINVAL, "", POLICY_MODE_ENFORCE, "", "no \"version\"" },
        { "one bad file is enough",
          { { ETC "policy.yaml", V RULE("a", "sick") }, { ETC "policy.d/1.yaml", V "mode: x\n" } },
          -EINVAL, "", POLICY_MODE_ENFORCE, "", "unknown mode" },
        { "all files are looked at",
          { { ETC "policy.yaml", V "mode: x\n" }, { ETC "policy.d/1.yaml", V "baseline: off\n" } },
          -EINVAL, "", POLICY_MODE_ENFORCE, "", "\"baseline\" cannot stand" },
        { "replacing does not hide faults",
          { { ETC "policy.yaml", V "rules: [{id: a, do: [loog]}]\n" }, { ETC "policy.d/1.yaml", V RULE("a", "sick") } },
          -EINVAL, "", POLICY_MODE_ENFORCE, "", "unknown action \"loog\"" },
        { "protection only grows",
          { { ETC "policy.yaml", V "protect: [{id: p, match: {fs: {root: true}}, deny: all}]\n" },
            { ETC "policy.d/1.yaml", V "protect: [{id: p, match: {fs: {state: true}}, deny: [repair]}]\n" } },
          0, "", POLICY_MODE_ENFORCE, ETC "policy.yaml " ETC "policy.d/1.yaml", "both hold, a drop-in only adds" },
        { "a window of a drop-in",
          { { USR "policy.yaml", V "rules: [{id: a, match: {event: sick, time: night}, do: [log]}]\n" },
            { ETC "policy.d/1.yaml", V "windows: {night: '22:00..06:00'}\n" } },
          0, "a", POLICY_MODE_ENFORCE, USR "policy.yaml " ETC "policy.d/1.yaml", NULL },
        { "a window of the main file",
          { { ETC "policy.yaml", V "windows: {night: '22:00..06:00'}\n" },
            { ETC "policy.d/1.yaml", V "rules: [{id: a, match: {event: sick, time: night}, do: [log]}]\n" } },
          0, "a", POLICY_MODE_ENFORCE, ETC "policy.yaml " ETC "policy.d/1.yaml", NULL },
        { "a window of nobody",
          { { ETC "policy.yaml", V "windows: {night: '22:00..06:00'}\n" },
            { ETC "policy.d/1.yaml", V "rules: [{id: a, match: {event: sick, time: nigt}, do: [log]}]\n" } },
          -EINVAL, "", POLICY_MODE_ENFORCE, "", "unknown window \"nigt\": did you mean \"night\"?" },
        { "a folder with the name of a file", { { ETC "policy.yaml/x", "" } },
          -EINVAL, "", POLICY_MODE_ENFORCE, "", "is no regular file" },
};

static void make_parents(char *path, size_t root_length) {
        for (char *slash = path + root_length + 1; (slash = strchr(slash, '/')); slash++) {
                *slash = '\0';
                if (mkdir(path, 0755) < 0)
                        assert_int_equal(errno, EEXIST);
                *slash = '/';
        }
}

static void make_file(const char *root, const TestFile *file) {
        char path[1024];

        (void) snprintf(path, sizeof(path), "%s%s", root, file->path);
        make_parents(path, strlen(root));
        if (text_starts_with(file->text, "->"))
                assert_int_equal(symlink(file->text + 2, path), 0);
        else {
                _cleanup_(close_fd_at) int fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0644);

                assert_true(fd >= 0);
                assert_int_equal(fchmod(fd, 0644), 0);
                assert_int_equal(file_write_all(fd, file->text, strlen(file->text)), 0);
        }
}

static int remove_entry(const char *path, _unused_ const struct stat *attributes, _unused_ int flag,
                        _unused_ struct FTW *ftw) {
        return remove(path);
}

static char root[1024];

static int make_root(_unused_ void **state) {
        const char *folder = getenv("TMPDIR");

        (void) snprintf(root, sizeof(root), "%s/policy-load-XXXXXX", folder ?: "/tmp");
        return mkdtemp(root) ? 0 : -1;
}

static int remove_root(_unused_ void **state) {
        return nftw(root, remove_entry, 16, FTW_DEPTH | FTW_PHYS);
}

static void make_files(const TestFile *files, size_t n) {
        assert_int_equal(remove_root(NULL), 0);
        assert_int_equal(mkdir(root, 0755), 0);
        for (size_t i = 0; i < n && files[i].path; i++)
                make_file(root, &files[i]);
}

static void rules_text(const Policy *policy, char *buffer, size_t size) {
        buffer[0] = '\0';
        for (size_t i = 0; i < policy->n_rules; i++)
                (void) text_append_format(buffer, size, "%s%s", i > 0 ? " " : "", policy->rules[i].source.id);
}

static void sources_text(const Policy *policy, char *buffer, size_t size) {
        buffer[0] = '\0';
        for (const char *const *source = policy_sources(policy); *source; source++) {
                assert_true(text_starts_with(*source, root));
                (void) text_append_format(buffer, size, "%s%s", buffer[0] ? " " : "", *source + strlen(root));
        }
}

static bool has_problem(const PolicyProblems *problems, const char *text) {
        for (size_t i = 0; i < problems->n_items; i++)
                if (strstr(problems->items[i].text, text))
                        return true;

        return false;
}

/* Of several files the last one that says who is asked. */
static void test_permit(_unused_ void **state) {
        static const TestFile files[] = {
                { ETC "policy.yaml", V "permit: {unit: 'a@.service'}\n"
                                       "limits: {actions: 1 per 1h, workloads: 9 per 1h}\n" },
                { ETC "policy.d/1.yaml", V "permit: {unit: 'b@.service', timeout: 1min}\n"
                                           "limits: {workloads: 2 per 1d}\n" },
                { ETC "policy.d/2.yaml", V "mode: observe\n" },
        };
        const PolicyLoadOptions options = { .root_directory = root, .generation = 5 };
        _cleanup_(policy_unref_at) Policy *policy = NULL;
        PolicyProblems problems = {};

        make_files(files, ELEMENTSOF(files));
        assert_int_equal(policy_load(&options, &problems, &policy), 0);
        assert_non_null(policy_permit(policy));
        assert_string_equal(policy_permit(policy)->unit, "b@.service");
        assert_int_equal(policy_permit(policy)->timeout_usec, USEC_PER_MINUTE);
        assert_int_equal(policy_limits(policy)->actions.count, 1);
        assert_int_equal(policy_limits(policy)->workloads.count, 2);
        assert_int_equal(policy_limits(policy)->workloads.within_usec, USEC_PER_DAY);
        policy_problems_clear(&problems);
}

static void check_case(const LoadCase *test) {
        PolicyLoadOptions options = { .root_directory = root, .generation = 5 };
        _cleanup_(policy_unref_at) Policy *policy = NULL;
        PolicyProblems problems = {};
        char text[2048];

        make_files(test->files, FILES_MAX);
        assert_int_equal(policy_load(&options, &problems, &policy), test->result);
        if ((problems.n_items > 0) != (test->problem != NULL) ||
            (test->problem && !has_problem(&problems, test->problem))) {
                policy_problems_print(&problems, stderr);
                fail_msg("expected: %s", test->problem ?: "nothing");
        }
        if (test->result == 0) {
                rules_text(policy, text, sizeof(text));
                assert_string_equal(text, test->rules);
                sources_text(policy, text, sizeof(text));
                assert_string_equal(text, test->sources);
                assert_int_equal(policy_mode(policy), test->mode);
                assert_int_equal(policy_generation(policy), 5);
        } else
                assert_null(policy);
        policy_problems_clear(&problems);
}

static void test_cases(_unused_ void **state) {
        for (size_t i = 0; i < ELEMENTSOF(cases); i++) {
                print_message("%s\n", cases[i].name);
                check_case(&cases[i]);
        }
}

static int load_owned(uid_t owner, PolicyProblems *problems) {
        PolicyLoadOptions options = { .root_directory = root, .check_ownership = true, .owner = owner };
        _cleanup_(policy_unref_at) Policy *policy = NULL;

        return policy_load(&options, problems, &policy);
}

static void test_ownership(_unused_ void **state) {
        static const TestFile files[] = {
                { ETC "policy.yaml", V },
                { ETC "policy.d/1.yaml", V },
        };
        static const struct {
                const char *name, *path;
                mode_t mode;
                const char *problem;
        } modes[] = {
                { "as they should be", NULL, 0, NULL },
                { "group may write", ETC "policy.yaml", 0664, "can be written by others" },
                { "others may write", ETC "policy.d/1.yaml", 0646, "can be written by others" },
                { "others may not read", ETC "policy.d/1.yaml", 0640, NULL },
                { "others may put files", ETC "policy.d", 0777, "can be written by others" },
                { "group may put files", ETC, 0775, "can be written by others" },
        };

        for (size_t i = 0; i < ELEMENTSOF(modes); i++) {
                PolicyProblems problems = {};
                char path[1200];

                print_message("%s\n", modes[i].name);
                make_files(files, ELEMENTSOF(files));
                (void) snprintf(path, sizeof(path), "%s%s", root, modes[i].path ?: "");
                if (modes[i].path)
                        assert_int_equal(chmod(path, modes[i].mode), 0);
                assert_int_equal(load_owned(getuid(), &problems), modes[i].problem ? -EINVAL : 0);
                if (modes[i].problem)
                        assert_true(has_problem(&problems, modes[i].problem));
                policy_problems_clear(&problems);
        }

        PolicyProblems problems = {};

        make_files(files, ELEMENTSOF(files));
        assert_int_equal(load_owned(getuid() + 1, &problems), -EINVAL);
        assert_true(has_problem(&problems, "does not belong to root"));
        policy_problems_clear(&problems);
}

static void load_hash(const TestFile *files, size_t n, char hash[static 17]) {
        PolicyLoadOptions options = { .root_directory = root };
        _cleanup_(policy_unref_at) Policy *policy = NULL;
        PolicyProblems problems = {};

        make_files(files, n);
        assert_int_equal(policy_load(&options, &problems, &policy), 0);
        (void) snprintf(hash, 17, "%s", policy_hash(policy));
        policy_problems_clear(&problems);
}

static void test_hash(_unused_ void **state) {
        static const TestFile one[] = { { ETC "policy.yaml", V "mode: observe\n" } };
        static const TestFile elsewhere[] = { { USR "policy.yaml", V "mode: observe\n" } };
        static const TestFile comment[] = { { ETC "policy.yaml", V "mode: observe\n#\n" } };
        static const TestFile two[] = { { ETC "policy.yaml", V }, { ETC "policy.d/1.yaml", V "mode: observe\n" } };
        static const TestFile renamed[] = { { ETC "policy.yaml", V }, { ETC "policy.d/2.yaml", V "mode: observe\n" } };
        char a[17], b[17];

        load_hash(one, ELEMENTSOF(one), a);
        load_hash(elsewhere, ELEMENTSOF(elsewhere), b);
        assert_string_equal(a, b);
        load_hash(comment, ELEMENTSOF(comment), b);
        assert_string_not_equal(a, b);
        load_hash(two, ELEMENTSOF(two), a);
        load_hash(renamed, ELEMENTSOF(renamed), b);
        assert_string_not_equal(a, b);
}

/* The last name wins, at its place; what is shown says which file it came from. */
static void test_windows(_unused_ void **state) {
        static const TestFile files[] = {
                { USR "policy.yaml", V "windows:\n  night: 22:00..06:00\n  day: 08:00..18:00\n" },
                { ETC "policy.d/1.yaml", V "windows: {lunch: 12:00..13:00}\n" },
                { ETC "policy.d/2.yaml", V "windows: {night: [Mon 1:00..2:00, Tue], noon: 12:00..12:01}\n" },
        };
        PolicyLoadOptions options = { .root_directory = root };
        _cleanup_(policy_unref_at) Policy *policy = NULL;
        _cleanup_(free_at) char *text = NULL;
        PolicyProblems problems = {};
        char expected[8192];
        size_t length;
        FILE *stream;

        make_files(files, ELEMENTSOF(files));
        assert_int_equal(policy_load(&options, &problems, &policy), 0);
        policy_problems_clear(&problems);
        stream = open_memstream(&text, &length);
        assert_int_equal(policy_print(policy, stream), 0);
        assert_int_equal(fclose(stream), 0);
        (void) snprintf(expected, sizeof(expected),
                        V "mode: enforce\nbaseline: autofsck\nwindows:\n"
                        "  # %1$s" ETC "policy.d/2.yaml:2\n  night: ['Mon 01:00..02:00', 'Tue 00:00..24:00']\n"
                        "  # %1$s" USR "policy.yaml:4\n  day: '08:00..18:00'\n"
                        "  # %1$s" ETC "policy.d/1.yaml:2\n  lunch: '12:00..13:00'\n"
                        "  # %1$s" ETC "policy.d/2.yaml:2\n  noon: '12:00..12:01'\n", root);
        assert_string_equal(text, expected);

        assert_true(policy_has_windows(policy));
        assert_null(policy_find_window(policy, "Night"));
        assert_int_equal(policy_find_window(policy, "night")->n_ranges, 2);
}

/* `check FILE`: by itself, as what it would be. */
static void test_single_file(_unused_ void **state) {
        static const TestFile files[] = {
                { "/policy.d/1.yaml", V "disable: [somewhere-else]\n"
                                      "rules: [{id: a, match: {event: sick, time: somewhere-else}, do: [log]}]\n" },
                { "/1.yaml", V "disable: [somewhere-else]\n" },
        };
        static const struct {
                const char *path;
                int result;
        } singles[] = {
                { "/policy.d/1.yaml", 0 },
                { "/1.yaml", -EINVAL },
                { "/nothing.yaml", -EINVAL },
        };

        make_files(files, ELEMENTSOF(files));
        for (size_t i = 0; i < ELEMENTSOF(singles); i++) {
                _cleanup_(policy_unref_at) Policy *policy = NULL;
                PolicyProblems problems = {};
                char path[1200];

                print_message("%s\n", singles[i].path);
                (void) snprintf(path, sizeof(path), "%s%s", root, singles[i].path);
                assert_int_equal(policy_load_file(path, &(PolicyLoadOptions) {}, &problems, &policy),
                                 singles[i].result);
                assert_int_equal(problems.n_warnings, 0);
                policy_problems_clear(&problems);
        }
}

/* A pipe that nobody writes to must not hold us up. */
static void test_pipe(_unused_ void **state) {
        PolicyLoadOptions options = { .root_directory = root };
        PolicyProblems problems = {};
        Policy *policy = NULL;
        char path[1200];

        make_files((const TestFile[]) { { ETC "x", "" } }, 1);
        (void) snprintf(path, sizeof(path), "%s" ETC "policy.yaml", root);
        assert_int_equal(mkfifo(path, 0644), 0);
        assert_int_equal(policy_load(&options, &problems, &policy), -EINVAL);
        assert_true(has_problem(&problems, "is no regular file"));
        policy_problems_clear(&problems);
}

static void test_too_large(_unused_ void **state) {
        static char text[YAML_TEXT_MAX + 2];
        PolicyLoadOptions options = { .root_directory = root };
        PolicyProblems problems = {};
        Policy *policy = NULL;

        memset(text, '\n', sizeof(text) - 1);
        make_files((const TestFile[]) { { ETC "policy.yaml", text } }, 1);
        assert_int_equal(policy_load(&options, &problems, &policy), -EINVAL);
        assert_true(has_problem(&problems, "is larger than 1 MiB"));
        policy_problems_clear(&problems);
}

/* What is installed loads without a word. */
static void test_shipped(_unused_ void **state) {
#ifndef POLICY_SHIPPED
#  define POLICY_SHIPPED "policy/policy.yaml"
#endif
        _cleanup_(policy_unref_at) Policy *policy = NULL;
        PolicyProblems problems = {};

        assert_int_equal(policy_load_file(POLICY_SHIPPED, &(PolicyLoadOptions) {}, &problems, &policy), 0);
        policy_problems_print(&problems, stderr);
        assert_int_equal(problems.n_items, 0);
        assert_int_equal(policy_n_rules(policy), 0);
        assert_int_equal(policy_mode(policy), POLICY_MODE_ENFORCE);
        assert_int_equal(policy_baseline(policy), BASELINE_AUTOFSCK);
        policy_problems_clear(&problems);
}

int main(void) {
        static const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_cases),
                cmocka_unit_test(test_permit),
                cmocka_unit_test(test_ownership),
                cmocka_unit_test(test_hash),
                cmocka_unit_test(test_windows),
                cmocka_unit_test(test_single_file),
                cmocka_unit_test(test_pipe),
                cmocka_unit_test(test_too_large),
                cmocka_unit_test(test_shipped),
        };

        return cmocka_run_group_tests(tests, make_root, remove_root);
}

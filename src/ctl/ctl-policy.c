/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * `healerctl policy check` and `policy show`: the daemon's own loader, without the daemon and without root. What it
 * accepts here the daemon accepts, with one difference: a FILE may belong to anybody.
 */
#include <errno.h>
#include <string.h>

#include "policy/policy-load.h"
#include "policy/policy-print.h"
#include "src/basic/translate.h"
#include "src/ctl/ctl-bus.h"
#include "src/ctl/ctl-output.h"
#include "src/ctl/ctl-policy.h"
#include "src/ctl/ctl-systemd.h"
#include "src/ctl/ctl-value.h"
#include "src/ctl/ctl-verb.h"

static void clear_problems_at(PolicyProblems *problems) {
        policy_problems_clear(problems);
}

static json_t *problems_to_json(const PolicyProblems *problems) {
        _cleanup_(json_decref_at) json_t *list = json_array();

        for (size_t i = 0; list && i < problems->n_items; i++) {
                const PolicyProblem *problem = problems->items + i;
                const char *file = policy_problems_file_name(problems, problem->position.file);
                _cleanup_(json_decref_at) json_t *item = NULL;

                item = json_pack("{s:s, s:o, s:i, s:i, s:o}",
                                 "severity", problem->severity == PROBLEM_ERROR ? "error" : "warning",
                                 "file", ctl_json_text(file),
                                 "line", (int) problem->position.line,
                                 "column", (int) problem->position.column,
                                 "text", ctl_json_text(problem->text));
                if (!item || json_array_append(list, item) < 0)
                        return NULL;
        }

        return steal_ptr(list);
}

static json_t *policy_to_json(const Policy *policy) {
        _cleanup_(json_decref_at) json_t *files = json_array();
        const char *const *sources = policy_sources(policy);

        for (size_t i = 0; files && sources[i]; i++)
                if (json_array_append_new(files, ctl_json_text(sources[i])) < 0)
                        return NULL;

        return json_pack("{s:s, s:s, s:I, s:s, s:O}",
                         "mode", policy_mode_to_name(policy_mode(policy)),
                         "baseline", policy_baseline_to_name(policy_baseline(policy)),
                         "rules", (json_int_t) policy_n_rules(policy),
                         "hash", policy_hash(policy),
                         "files", files);
}

static int print_json(const PolicyProblems *problems, const Policy *policy) {
        _cleanup_(json_decref_at) json_t *list = problems_to_json(problems), *all = NULL;
        _cleanup_(json_decref_at) json_t *loaded = policy ? policy_to_json(policy) : json_null();

        if (!list || !loaded)
                return -ENOMEM;
        all = json_pack("{s:i, s:b, s:I, s:I, s:I, s:O, s:O}",
                        "schema", CTL_JSON_SCHEMA,
                        "ok", policy != NULL,
                        "errors", (json_int_t) problems->n_errors,
                        "warnings", (json_int_t) problems->n_warnings,
                        "omitted", (json_int_t) problems->n_omitted,
                        "policy", loaded,
                        "problems", list);
        if (!all)
                return -ENOMEM;
        return ctl_json_print(all, false, stdout);
}

static void print_text(const PolicyProblems *problems, const Policy *policy) {
        const char *const *sources;

        policy_problems_print(problems, stdout);
        if (!policy)
                return;

        sources = policy_sources(policy);
        if (!sources[0])
                fputs(_("built-in default"), stdout);
        for (size_t i = 0; sources[i]; i++) {
                fputs(i > 0 ? ", " : "", stdout);
                ctl_print_safe(stdout, sources[i]);
        }
        printf(_(": %s (mode %s, baseline %s, rules: %zu)\n"),
               problems->n_warnings > 0 ? _("loads with warnings") : _("good"),
               policy_mode_to_name(policy_mode(policy)), policy_baseline_to_name(policy_baseline(policy)),
               policy_n_rules(policy));
}

Policy *ctl_policy_load(const char *path) {
        PolicyLoadOptions options = { .check_ownership = !path, .owner = 0 };
        PolicyProblems problems = {};
        Policy *policy = NULL;
        int r;

        r = path ? policy_load_file(path, &options, &problems, &policy) : policy_load(&options, &problems, &policy);
        policy_problems_sort(&problems);
        policy_problems_print(&problems, stderr);
        if (r < 0 && r != -EINVAL)
                ctl_complain(NULL, "cannot load the policy: %s", strerror(-r));
        policy_problems_clear(&problems);
        return policy;
}

CtlExit ctl_policy_show(const CtlRequest *request) {
        _cleanup_(policy_unref_at) Policy *policy = ctl_policy_load(request->arguments[0]);

        if (!policy)
                return CTL_EXIT_USAGE;
        printf("# %s", policy_sources(policy)[0] ? "merged from" : "built-in default\n");
        for (size_t i = 0; policy_sources(policy)[i]; i++) {
                fputs(i > 0 ? ", " : " ", stdout);
                ctl_print_safe(stdout, policy_sources(policy)[i]);
        }
        if (policy_sources(policy)[0])
                printf("; hash %s; rules in the order they are looked at\n", policy_hash(policy));
        return policy_print(policy, stdout) < 0 ? CTL_EXIT_FAILED : CTL_EXIT_OK;
}

/* Of this machine's own policy; a FILE may be for another one. */
static void look_for_units(const Policy *policy, PolicyProblems *problems) {
        PolicyUnit unit;

        for (size_t i = 0; policy_unit_at(policy, i, &unit); i++)
                if (!ctl_systemd_may_have_file(unit.name))
                        policy_warning(problems, unit.position,
                                       "unit \"%s\" does not exist: write its file to /etc/systemd/system", unit.name);
}

CtlExit ctl_policy_check(const CtlRequest *request) {
        _cleanup_(clear_problems_at) PolicyProblems problems = {};
        _cleanup_(policy_unref_at) Policy *policy = NULL;
        /* The daemon trusts only what root alone can write; for a file that somebody is still writing that is no
         * matter. */
        PolicyLoadOptions options = { .check_ownership = request->n_arguments == 0, .owner = 0 };
        int r;

        if (request->n_arguments > 0)
                r = policy_load_file(request->arguments[0], &options, &problems, &policy);
        else
                r = policy_load(&options, &problems, &policy);
        if (r >= 0 && request->n_arguments == 0)
                look_for_units(policy, &problems);
        if (r < 0 && r != -EINVAL) {
                ctl_complain(NULL, "cannot check the policy: %s", strerror(-r));
                return CTL_EXIT_FAILED;
        }

        policy_problems_sort(&problems);
        if (request->options & CTL_OPTION_JSON) {
                r = print_json(&problems, policy);
                if (r == -ENOMEM) {
                        ctl_complain(NULL, "cannot check the policy: %s", strerror(-r));
                        return CTL_EXIT_FAILED;
                }
        } else {
                print_text(&problems, policy);
        }

        if (!policy)
                return CTL_EXIT_USAGE;
        return problems.n_warnings > 0 ? CTL_EXIT_NO : CTL_EXIT_OK;
}

/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * `healerctl policy explain` and `policy simulate`: what a policy makes of events that somebody wrote down, with the
 * daemon's own loader and chooser, without the daemon and without root.
 */
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include "policy/event-example.h"
#include "policy/policy-explain.h"
#include "policy/policy-stream.h"
#include "src/basic/clock.h"
#include "src/basic/file.h"
#include "src/basic/text.h"
#include "src/ctl/ctl-bus.h"
#include "src/ctl/ctl-output.h"
#include "src/ctl/ctl-policy.h"
#include "src/ctl/ctl-value.h"
#include "src/ctl/ctl-verb.h"

typedef struct Stream {
        char *text;
        YamlTree *tree;
        PolicyProblems problems;
} Stream;

static void stream_clear(Stream *stream) {
        yaml_tree_free(stream->tree);
        policy_problems_clear(&stream->problems);
        free(stream->text);
}

/* A kind of event or a map in braces is meant as it stands there. */
static bool is_inline(const char *argument) {
        EventKind kind;

        return argument[strspn(argument, " \n")] == '{' || event_kind_from_name(argument, &kind) >= 0;
}

static int read_text(const char *argument, const char **ret_name, char **ret_text, size_t *ret_length) {
        if (is_inline(argument)) {
                *ret_name = "argument";
                *ret_text = strdup(argument);
                *ret_length = strlen(argument);
                return *ret_text ? 0 : -ENOMEM;
        }

        if (text_equal(argument, "-")) {
                *ret_name = "standard input";
                return file_read_fd(STDIN_FILENO, YAML_TEXT_MAX, ret_text, ret_length);
        }
        *ret_name = argument;
        return file_read(AT_FDCWD, argument, YAML_TEXT_MAX, ret_text, ret_length);
}

/* Returns 0 and the examples: the items of a list, of the list `cases` in a map, or one alone. What is wrong is said.
 */
static int stream_read(const char *argument, Stream *stream, const YamlNode **ret_first) {
        const YamlNode *root, *cases;
        unsigned file = 0;
        const char *name;
        size_t length;
        int r;

        r = read_text(argument, &name, &stream->text, &length);
        if (r < 0) {
                ctl_complain(NULL, "cannot read %s: %s", name, strerror(-r));
                return r;
        }
        r = policy_problems_add_file(&stream->problems, name, stream->text, length, &file);
        if (r >= 0)
                r = yaml_tree_parse(stream->text, length, file, &stream->problems, &stream->tree);
        root = r >= 0 ? yaml_tree_root(stream->tree) : NULL;
        if (r >= 0 && !root) {
                policy_error(&stream->problems, ((SourcePosition) { .file = file }),
                             "there is no event in it: write one, such as event: sick");
                r = -EINVAL;
        }
        if (r < 0 || stream->problems.n_errors > 0) {
                policy_problems_print(&stream->problems, stderr);
                return r < 0 ? r : -EINVAL;
        }

        cases = root->kind == YAML_KIND_MAP ? yaml_map_find(root, "cases") : NULL;
        if (cases && cases->kind == YAML_KIND_LIST)
                root = cases;
        *ret_first = root->kind == YAML_KIND_LIST ? root->first : root;
        return 0;
}

/* "sick in line 3", or the name it was given. */
static const char *example_name(const EventExample *example, char buffer[static 64]) {
        if (example->name)
                return example->name;
        buffer[0] = 0;
        (void) text_append_format(buffer, 64, "%s in line %u", event_kind_to_name(example->event.kind),
                                  example->position.line);
        return buffer;
}

json_t *ctl_policy_decision_json(const Decision *decision) {
        _cleanup_(json_decref_at) json_t *actions = json_array();

        for (size_t i = 0; actions && i < decision->n_actions; i++) {
                const ActionRequest *request = decision->actions + i;
                json_t *item;

                item = json_pack("{s:s, s:o}", "action", action_kind_to_name(request->kind), "denied_by",
                                 request->denied_by[0] ? ctl_json_text(request->denied_by) : json_null());
                if (!item || json_array_append_new(actions, item) < 0)
                        return NULL;
        }
        return json_pack("{s:s, s:s, s:s, s:o, s:o, s:I, s:O}", "source", decision_source_to_name(decision->source),
                         "rule", decision->rule_id, "mode", policy_mode_to_name(decision->mode), "reason",
                         decision->reason[0] ? ctl_json_text(decision->reason) : json_null(), "suppressed_by",
                         decision->suppressed_by[0] ? ctl_json_text(decision->suppressed_by) : json_null(),
                         "first_step", (json_int_t) decision->first_step + 1, "actions", actions);
}

typedef struct Texts {
        char *items[POLICY_DECISIONS_MAX];
        size_t n_items;
} Texts;

static void texts_clear(Texts *texts) {
        while (texts->n_items > 0)
                free(texts->items[--texts->n_items]);
}

/* What is decided about one example, a line for each decision. Returns 0 or a negative errno. */
static int decide(PolicyStream *stream, const EventExample *example, Texts *ret_texts, json_t *list) {
        static Decision decisions[POLICY_DECISIONS_MAX];
        size_t n;
        int r;

        *ret_texts = (Texts) {};
        r = policy_stream_decide(stream, example, decisions, &n);
        if (r < 0)
                return r;
        for (size_t i = 0; i < n; i++) {
                ret_texts->items[i] = policy_decision_text(decisions + i);
                if (!ret_texts->items[i])
                        r = -ENOMEM;
                else
                        ret_texts->n_items = i + 1;
                if (list && json_array_append_new(list, ctl_policy_decision_json(decisions + i)) < 0)
                        r = -ENOMEM;
                decision_clear(decisions + i);
        }
        return r;
}

typedef struct Explain {
        const Policy *policy;
        PolicyStream *stream;
        json_t *all;                    /* NULL: text */
        bool with_names;
} Explain;

/* With what the events before it left behind; it is one of those for the next. */
static int explain(const Explain *explain, const EventExample *example, Texts *ret_texts, json_t *list,
                   char **ret_text) {
        const EventFacts facts = policy_stream_facts(explain->stream, example);
        int r;

        r = policy_explain(explain->policy, policy_stream_memory(explain->stream), &facts, ret_text);
        return r < 0 ? r : decide(explain->stream, example, ret_texts, list);
}

static int explain_as_text(const Explain *request, const EventExample *example) {
        _cleanup_(texts_clear) Texts texts = {};
        _cleanup_(free_at) char *text = NULL;
        bool with_name = request->with_names;
        char buffer[64];
        int r;

        r = explain(request, example, &texts, NULL, &text);
        if (r < 0)
                return r;
        if (with_name) {
                ctl_print_safe(stdout, example_name(example, buffer));
                fputs(":\n", stdout);
        }
        ctl_print_safe_lines(stdout, text);
        fputs(with_name ? "\n\n" : "\n", stdout);
        return 0;
}

static int explain_as_json(const Explain *request, const EventExample *example) {
        _cleanup_(json_decref_at) json_t *decisions = json_array();
        _cleanup_(texts_clear) Texts texts = {};
        _cleanup_(free_at) char *text = NULL;
        json_t *item;
        char buffer[64];
        int r;

        if (!decisions)
                return -ENOMEM;
        r = explain(request, example, &texts, decisions, &text);
        if (r < 0)
                return r;
        item = json_pack("{s:o, s:i, s:O, s:o}", "name", ctl_json_text(example_name(example, buffer)),
                         "line", (int) example->position.line, "decisions", decisions,
                         "explanation", ctl_json_text(text));
        return item && json_array_append_new(request->all, item) >= 0 ? 0 : -ENOMEM;
}

/* Calls @each for every example; says what is wrong with one. */
static int for_each_example(Stream *stream, const YamlNode *first, int (*each)(const EventExample *, void *),
                            void *userdata) {
        _cleanup_(zone_free_at) Zone *machine = NULL;
        uint64_t now_usec = clock_realtime_usec();
        int r;

        /* Without it, "now" is a time of UTC, and is called that. */
        r = zone_new_machine(&machine);
        if (r < 0)
                ctl_complain(NULL, "cannot read this machine's time zone: %s", strerror(-r));

        r = 0;
        for (const YamlNode *node = first; node && r >= 0; node = node->next) {
                EventExample example = {};

                r = event_example_read(node, NULL, &stream->problems, &example);
                event_example_set_now(&example, now_usec, machine);
                if (r >= 0)
                        r = each(&example, userdata);
                event_example_clear(&example);
        }
        policy_problems_print(&stream->problems, stderr);
        return r;
}

static CtlExit failed(int error) {
        /* What is wrong with the input was said where it stands. */
        if (error == -EINVAL)
                return CTL_EXIT_USAGE;
        ctl_complain(NULL, "cannot decide: %s", strerror(-error));
        return CTL_EXIT_FAILED;
}

static int explain_one(const EventExample *example, void *userdata) {
        const Explain *request = userdata;

        return request->all ? explain_as_json(request, example) : explain_as_text(request, example);
}

CtlExit ctl_policy_explain(const CtlRequest *request) {
        _cleanup_(json_decref_at) json_t *all = NULL, *object = NULL;
        _cleanup_(policy_stream_free_at) PolicyStream *decided = NULL;
        _cleanup_(policy_unref_at) Policy *policy = NULL;
        _cleanup_(stream_clear) Stream stream = {};
        const YamlNode *first;
        int r;

        policy = ctl_policy_load(request->policy);
        if (!policy || stream_read(request->arguments[0], &stream, &first) < 0)
                return CTL_EXIT_USAGE;
        if (request->options & CTL_OPTION_JSON) {
                all = json_array();
                if (!all)
                        return failed(-ENOMEM);
        }
        r = policy_stream_new(policy, &decided);
        if (r >= 0)
                r = for_each_example(&stream, first, explain_one,
                                     &(Explain) { policy, decided, all, first && first->next });
        if (r < 0)
                return failed(r);
        if (all) {
                object = json_pack("{s:i, s:s, s:O}", "schema", CTL_JSON_SCHEMA, "hash", policy_hash(policy),
                                   "events", all);
                if (!object || ctl_json_print(object, false, stdout) == -ENOMEM)
                        return failed(-ENOMEM);
        }
        return CTL_EXIT_OK;
}

typedef struct Simulation {
        PolicyStream *policy, *other;   /* @other NULL: no --diff */
        json_t *all;                    /* NULL: text */
        size_t n_events, n_different, n_unexpected;
} Simulation;

static bool texts_equal(const Texts *a, const Texts *b) {
        if (a->n_items != b->n_items)
                return false;
        for (size_t i = 0; i < a->n_items; i++)
                if (!text_equal(a->items[i], b->items[i]))
                        return false;
        return true;
}

static bool is_as_expected(const EventExample *example, const Texts *texts) {
        size_t i = 0;

        if (!example->expect)
                return true;
        YAML_FOREACH(item, example->expect) {
                if (i >= texts->n_items || !text_equal(item->text, texts->items[i]))
                        return false;
                i++;
        }
        return i == texts->n_items;
}

static void print_texts(const char *mark, const Texts *texts) {
        for (size_t i = 0; i < texts->n_items; i++) {
                fputs(mark, stdout);
                ctl_print_safe(stdout, texts->items[i]);
                fputc('\n', stdout);
        }
        if (texts->n_items == 0)
                printf("%snothing\n", mark);
}

static void print_simulated(const Simulation *simulation, const EventExample *example, const Texts *now,
                            const Texts *then, bool is_different, bool is_unexpected) {
        char buffer[64];

        if (simulation->other && !is_different && !is_unexpected)
                return;
        ctl_print_safe(stdout, example_name(example, buffer));
        fputs(":\n", stdout);
        print_texts(is_different ? "  - " : "    ", now);
        if (is_different)
                print_texts("  + ", then);
        if (!is_unexpected)
                return;
        fputs("    expected:\n", stdout);
        YAML_FOREACH(item, example->expect) {
                fputs("    ! ", stdout);
                ctl_print_safe(stdout, item->text);
                fputc('\n', stdout);
        }
}

static int append_simulated(const Simulation *simulation, const EventExample *example, json_t *now, json_t *then,
                            bool is_different, bool is_unexpected) {
        char buffer[64];
        json_t *item;

        item = json_pack("{s:o, s:i, s:O, s:O, s:b, s:b}", "name", ctl_json_text(example_name(example, buffer)),
                         "line", (int) example->position.line, "decisions", now, "other", then,
                         "different", is_different, "unexpected", is_unexpected);
        return item && json_array_append_new(simulation->all, item) >= 0 ? 0 : -ENOMEM;
}

static int simulate_one(const EventExample *example, void *userdata) {
        _cleanup_(json_decref_at) json_t *now_list = json_array(), *then_list = NULL;
        _cleanup_(texts_clear) Texts now = {}, then = {};
        Simulation *simulation = userdata;
        bool is_different, is_unexpected;
        int r;

        then_list = simulation->other ? json_array() : json_null();
        if (!now_list || !then_list)
                return -ENOMEM;
        r = decide(simulation->policy, example, &now, now_list);
        if (r >= 0 && simulation->other)
                r = decide(simulation->other, example, &then, then_list);
        if (r < 0)
                return r;

        is_different = simulation->other && !texts_equal(&now, &then);
        is_unexpected = !is_as_expected(example, &now);
        simulation->n_events++;
        simulation->n_different += is_different;
        simulation->n_unexpected += is_unexpected;
        if (simulation->all)
                return append_simulated(simulation, example, now_list, then_list, is_different, is_unexpected);
        print_simulated(simulation, example, &now, &then, is_different, is_unexpected);
        return 0;
}

static int print_sum(const Simulation *simulation) {
        _cleanup_(json_decref_at) json_t *object = NULL;

        if (!simulation->all) {
                printf("%zu events", simulation->n_events);
                if (simulation->other)
                        printf(", %zu decided differently", simulation->n_different);
                if (simulation->n_unexpected > 0)
                        printf(", %zu not as expected", simulation->n_unexpected);
                fputc('\n', stdout);
                return 0;
        }
        object = json_pack("{s:i, s:I, s:I, s:I, s:O}", "schema", CTL_JSON_SCHEMA,
                           "n_events", (json_int_t) simulation->n_events,
                           "n_different", (json_int_t) simulation->n_different,
                           "n_unexpected", (json_int_t) simulation->n_unexpected, "events", simulation->all);
        return object ? ctl_json_print(object, false, stdout) : -ENOMEM;
}

CtlExit ctl_policy_simulate(const CtlRequest *request) {
        _cleanup_(policy_stream_free_at) PolicyStream *decided = NULL, *other_decided = NULL;
        _cleanup_(policy_unref_at) Policy *policy = NULL, *other = NULL;
        _cleanup_(json_decref_at) json_t *all = NULL;
        _cleanup_(stream_clear) Stream stream = {};
        Simulation simulation = {};
        const YamlNode *first;
        int r;

        policy = ctl_policy_load(request->policy);
        other = policy && request->diff ? ctl_policy_load(request->diff) : NULL;
        if (!policy || (request->diff && !other) || stream_read(request->arguments[0], &stream, &first) < 0)
                return CTL_EXIT_USAGE;
        if (request->options & CTL_OPTION_JSON) {
                all = json_array();
                if (!all)
                        return failed(-ENOMEM);
        }
        r = policy_stream_new(policy, &decided);
        if (r >= 0 && other)
                r = policy_stream_new(other, &other_decided);
        simulation = (Simulation) { .policy = decided, .other = other_decided, .all = all };
        if (r >= 0)
                r = for_each_example(&stream, first, simulate_one, &simulation);
        if (r >= 0)
                r = print_sum(&simulation);
        if (r < 0 && r != -EPIPE)
                return failed(r);
        return simulation.n_different + simulation.n_unexpected > 0 ? CTL_EXIT_NO : CTL_EXIT_OK;
}

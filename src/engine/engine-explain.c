/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * See engine-explain.h.
 */
#include "src/engine/engine-explain.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "policy/event-example.h"
#include "policy/policy-explain.h"
#include "src/basic/clock.h"
#include "src/basic/text.h"
#include "src/engine/engine-internal.h"
#include "src/engine/engine-suspend.h"
#include "src/engine/engine-workloads.h"

#define EVENT_NAME "event"

typedef struct ExplainRun {
        Engine *engine;
        YamlTree *tree;
        PolicyProblems problems;
        EventExample example;
        Explanation explanation;
        size_t next;                    /* the plan that is being made */
        WorkloadPlan users;             /* for it */
        int error;                      /* negative: of adding to it */
        EngineExplained explained;
        void *userdata;
} ExplainRun;

static ExplainRun *run_free(ExplainRun *run) {
        if (!run)
                return NULL;
        for (size_t i = 0; i < run->explanation.n_plans; i++)
                workload_reports_clear(&run->explanation.plans[i].workloads);
        for (size_t i = 0; i < run->explanation.n_decisions; i++)
                free(run->explanation.decisions[i]);
        free(run->explanation.text);
        workload_plan_clear(&run->users);
        event_example_clear(&run->example);
        policy_problems_clear(&run->problems);
        yaml_tree_free(run->tree);
        free(run);
        return NULL;
}
DEFINE_CLEANUP(ExplainRun, run_free)

/* What is decided by: the event's own facts, and what the policy remembers of this moment. */
static EventFacts facts_of(ExplainRun *run) {
        EventFacts facts = event_example_facts(&run->example);

        facts.now_boottime_usec = clock_boottime_usec();
        if (facts.now_realtime_usec == 0) {
                facts.now_realtime_usec = clock_realtime_usec();
                facts.zone = facts.zone ?: run->engine->zone;
        }
        return facts;
}

/* One event, not a list of them: decisions would not be remembered from one to the next. */
static int read_event(ExplainRun *run, const ExplainQuestion *question) {
        const HealthEvent nothing = { .count = 1 };
        const EventFacts live = { .event = &nothing, .filesystem = question->filesystem ? &question->filesystem->facts
                                                                                        : NULL };
        const YamlNode *root;
        unsigned file = 0;
        int r;

        r = policy_problems_add_file(&run->problems, EVENT_NAME, question->event, question->length, &file);
        if (r >= 0)
                r = yaml_tree_parse(question->event, question->length, file, &run->problems, &run->tree);
        if (r < 0)
                return r;
        if (run->problems.n_errors > 0)
                return -EINVAL;
        root = yaml_tree_root(run->tree);
        if (!root || root->kind == YAML_KIND_LIST ||
            (root->kind == YAML_KIND_MAP && !yaml_map_find(root, "event"))) {
                policy_error(&run->problems, root ? root->position : ((SourcePosition) { .file = file }),
                             "this is not one event: write one, such as event: sick");
                return -EINVAL;
        }
        r = event_example_read(root, question->filesystem ? &live : NULL, &run->problems, &run->example);
        if (r >= 0)
                event_example_set_now(&run->example, clock_realtime_usec(), run->engine->zone);
        return r;
}

/* What the event says of the file system, with what is mounted. */
static const Filesystem *find_filesystem(ExplainRun *run) {
        FilesystemTable *table = run->engine->filesystems;
        const FilesystemFacts *facts = &run->example.filesystem;
        Filesystem *filesystem;
        char uuid[UUID_TEXT_SIZE];

        if (!run->example.has_filesystem)
                return NULL;
        if (facts->uuid_state == FACT_KNOWN &&
            filesystem_table_find_name(table, uuid_format(facts->uuid, uuid), &filesystem) >= 0)
                return filesystem;
        for (size_t i = 0; i < facts->n_mounts; i++)
                if (filesystem_table_find_name(table, facts->mounts[i], &filesystem) >= 0)
                        return filesystem;
        if (facts->device && filesystem_table_find_name(table, facts->device, &filesystem) >= 0)
                return filesystem;
        return NULL;
}

static void want_plans(Explanation *explanation, const Decision *decision) {
        for (size_t i = 0; i < decision->n_actions && !decision->suppressed_by[0]; i++) {
                const ActionRequest *request = decision->actions + i;
                ExplainedPlan *plan;

                if ((request->kind != ACTION_FAIL_WORKLOAD && request->kind != ACTION_FREEZE) || !request->workloads ||
                    request->denied_by[0])
                        continue;
                if (explanation->n_plans == EXPLAIN_PLANS_MAX) {
                        explanation->n_plans_untold++;
                        continue;
                }
                plan = explanation->plans + explanation->n_plans++;
                *plan = (ExplainedPlan) {
                        .action = request->kind,
                        .mode = decision->mode,
                        .scope = *request->workloads,
                };
                (void) text_copy(plan->rule_id, sizeof(plan->rule_id), decision->rule_id);
        }
}

/* What the policy lets be done and a pause or a silence does not, now; behind the policy's own explanation. */
static int hold_back(ExplainRun *run, const Filesystem *filesystem, Decision *decision) {
        bool was_denied[DECISION_ACTIONS_MAX] = {};
        _cleanup_(free_at) char *text = NULL;
        size_t length;
        FILE *stream;

        for (size_t i = 0; i < decision->n_actions; i++)
                was_denied[i] = decision->actions[i].denied_by[0];
        engine_show_held_back(run->engine, &run->example.event, filesystem, decision);

        text = run->explanation.text;
        run->explanation.text = NULL;
        stream = open_memstream(&run->explanation.text, &length);
        if (!stream)
                return -ENOMEM;
        fputs(text, stream);
        for (size_t i = 0; i < decision->n_actions; i++)
                if (decision->actions[i].denied_by[0] && !was_denied[i])
                        fprintf(stream, "%s is held back now: %s\n", action_kind_to_name(decision->actions[i].kind),
                                decision->actions[i].denied_by);
        return fclose(stream) == 0 ? 0 : -ENOMEM;
}

/* What the history did not keep stands before everything that hangs on it. */
static int add_left_out(ExplainRun *run) {
        _cleanup_(free_at) char *rest = run->explanation.text;
        const char *separator = "not kept, and unknown here: ";
        size_t length;
        FILE *stream;

        run->explanation.text = NULL;
        stream = open_memstream(&run->explanation.text, &length);
        if (!stream)
                return -ENOMEM;
        YAML_FOREACH(key, run->example.left_out) {
                fprintf(stream, "%s%s", separator, key->text);
                separator = ", ";
        }
        fprintf(stream, "\n%s", rest);
        return fclose(stream) == 0 ? 0 : -ENOMEM;
}

static int decide(ExplainRun *run, const Filesystem *filesystem) {
        static Decision decisions[POLICY_DECISIONS_MAX];
        Explanation *explanation = &run->explanation;
        const EventFacts facts = facts_of(run);
        size_t n = 0;
        int r;

        r = policy_explain_decided(run->engine->policy, run->engine->memory, &facts, decisions, &n,
                                   &explanation->text);
        if (r < 0)
                return r;
        for (size_t i = 0; i < n; i++) {
                char *line = NULL;

                r = hold_back(run, filesystem, decisions + i) < 0 ? -ENOMEM : r;
                line = policy_decision_text(decisions + i);

                if (line)
                        explanation->decisions[explanation->n_decisions++] = line;
                else
                        r = -ENOMEM;
                want_plans(explanation, decisions + i);
                decision_clear(decisions + i);
        }
        /* It may be another one before this ends. */
        run->example.machine = NULL;
        if (r >= 0 && run->example.left_out && run->example.left_out->n_children > 0)
                r = add_left_out(run);
        return r;
}

/* Limits and brake of this moment, as a job would ask for them between plan and announcement. */
static void settle_plan(ExplainRun *run, const Filesystem *filesystem, const WorkerUsersEnd *end) {
        ExplainedPlan *plan = run->explanation.plans + run->next;
        char why[DENIED_SIZE] = "";
        EventFacts facts;
        int r;

        run->users.n_omitted += end->n_untold;
        plan->error = end->error != 0 ? end->error : !filesystem ? ESTALE : -run->error;
        if (plan->error != 0)
                return;
        r = engine_plan_decide(&run->users, &plan->scope, filesystem, &plan->workloads);
        if (r < 0) {
                plan->error = -r;
                return;
        }
        facts = facts_of(run);
        if (run->users.refused[0])
                (void) text_copy(plan->refused, sizeof(plan->refused), run->users.refused);
        else if (run->users.n_taken == 0)
                (void) text_copy(plan->refused, sizeof(plan->refused), "nobody is there to be taken");
        else if (!policy_workloads_room(run->engine->memory, run->engine->policy, plan->rule_id, plan->mode, &facts,
                                        run->users.n_taken, why))
                (void) text_copy(plan->refused, sizeof(plan->refused), why);
}

static void end(ExplainRun *run) {
        run->explained(run->userdata, &run->explanation);
        run_free(run);
}

static void plan_next(ExplainRun *run);

static void on_user(void *userdata, const WorkerUser *user, const WorkerUsersEnd *told) {
        ExplainRun *run = userdata;
        const Filesystem *filesystem;

        if (user) {
                int r = engine_plan_add_user(&run->users, user);

                if (r < 0)
                        run->error = r;
                return;
        }
        /* With ESHUTDOWN the tables of the engine may be gone. */
        filesystem = told->error == 0 ? filesystem_table_find_id(run->engine->filesystems,
                                                                 run->explanation.filesystem_id)
                                      : NULL;
        settle_plan(run, filesystem, told);
        run->next++;
        if (told->error == ESHUTDOWN) {
                run->explanation.is_ending = true;
                end(run);
        } else
                plan_next(run);
}

/* One after the other: looks are few. */
static void plan_next(ExplainRun *run) {
        workload_plan_clear(&run->users);
        run->error = 0;
        for (; run->next < run->explanation.n_plans; run->next++) {
                ExplainedPlan *plan = run->explanation.plans + run->next;
                const Filesystem *filesystem = filesystem_table_find_id(run->engine->filesystems,
                                                                        run->explanation.filesystem_id);
                uint64_t inode = plan->scope.who == WHO_FILE_USERS ? run->example.event.inode : 0;
                int r;

                if (!filesystem) {
                        plan->error = ESTALE;
                        continue;
                }
                if (plan->scope.who == WHO_FILE_USERS && inode == 0) {
                        (void) text_copy(plan->refused, sizeof(plan->refused), "the event names no file");
                        continue;
                }
                r = engine_list_users(run->engine, filesystem, inode, on_user, run);
                if (r >= 0)
                        return;
                plan->error = -r;
        }
        end(run);
}

static char *problems_text(const PolicyProblems *problems) {
        _cleanup_(free_at) char *text = NULL;
        size_t length;
        FILE *stream = open_memstream(&text, &length);

        if (!stream)
                return NULL;
        policy_problems_print(problems, stream);
        return fclose(stream) == 0 ? steal_ptr(text) : NULL;
}

int engine_explain(Engine *engine, const ExplainQuestion *question, EngineExplained explained, void *userdata,
                   char **reterr_problems) {
        _cleanup_(run_free_at) ExplainRun *run = NULL;
        const Filesystem *filesystem;
        int r;

        if (question->length > EXPLAIN_EVENT_MAX)
                return -E2BIG;
        run = calloc(1, sizeof(*run));
        if (!run)
                return -ENOMEM;
        run->engine = engine;
        run->explained = explained;
        run->userdata = userdata;

        r = read_event(run, question);
        if (r == -EINVAL)
                *reterr_problems = problems_text(&run->problems);
        filesystem = question->filesystem ?: find_filesystem(run);
        if (r >= 0)
                r = decide(run, filesystem);
        if (r < 0)
                return r;

        run->explanation.filesystem_id = filesystem ? filesystem->id : 0;
        plan_next(steal_ptr(run));
        return 0;
}

int engine_check_policy(_unused_ Engine *engine, const char *text, size_t length, PolicyProblems *problems) {
        Policy *policy = NULL;
        int r;

        r = policy_load_text("policy", text, length, /* generation= */ 0, problems, &policy);
        policy_unref(policy);
        return r;
}

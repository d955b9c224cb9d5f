/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * `healerctl history`: a line for each event, with what was decided and how it ended; all entries as they are (--dump);
 * or a file of events for `policy simulate` (--replay-file).
 */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "src/basic/cleanup.h"
#include "src/basic/text.h"
#include "src/ctl/ctl-bus.h"
#include "src/ctl/ctl-history.h"
#include "src/ctl/ctl-output.h"
#include "src/ctl/ctl-value.h"
#include "src/ctl/ctl-verb.h"

/* The story that a row belongs to; new ones go to the end. What somebody asked for has no event and is one of its
 * own. */
static json_t *story_of(json_t *stories, json_t *by_id, const json_t *row) {
        uint64_t id = ctl_value_number(row, "id");
        char key[32];
        json_t *story;

        (void) snprintf(key, sizeof(key), "%s%" PRIu64, id > 0 ? "" : "row ",
                        id > 0 ? id : ctl_value_number(row, "serial"));
        story = json_object_get(by_id, key);
        if (story)
                return story;
        story = json_pack("{s:i, s:O?, s:O?, s:n, s:[], s:[]}", "schema", CTL_JSON_SCHEMA, "time_usec",
                          json_object_get(row, "time_usec"), "id", json_object_get(row, "id"), "event", "decisions",
                          "actions");
        if (!story || json_array_append_new(stories, story) < 0 || json_object_set(by_id, key, story) < 0)
                return NULL;
        return story;
}

static int add_row(json_t *story, json_t *row) {
        const char *type = ctl_value_text(row, "type");

        if (text_equal(type, "event"))
                return json_object_set(story, "event", row);
        return json_array_append(json_object_get(story, text_equal(type, "decision") ? "decisions" : "actions"), row);
}

/* New: a list of stories, by their first row. */
static json_t *stories_of(const json_t *rows) {
        _cleanup_(json_decref_at) json_t *stories = json_array(), *by_id = json_object();
        json_t *row;
        size_t i;

        if (!stories || !by_id)
                return NULL;
        json_array_foreach(rows, i, row) {
                json_t *story = story_of(stories, by_id, row);

                if (!story || add_row(story, row) < 0)
                        return NULL;
        }
        return steal_ptr(stories);
}

static const char *place_of(const json_t *row) {
        const char *mount = ctl_value_text(row, "mount"), *device = ctl_value_text(row, "device");

        return *mount ? mount : *device ? device : "unmounted file system";
}

/* What it was about; where the first row is not the event, because that is older, by what is known of it. */
static void print_subject(const json_t *story) {
        const json_t *event = json_object_get(story, "event");
        const json_t *row = json_array_get(json_object_get(story, "decisions"), 0);
        const char *text = ctl_value_text(event, "text");

        if (*text) {
                ctl_print_safe(stdout, text);
                return;
        }
        if (!row)
                row = json_array_get(json_object_get(story, "actions"), 0);
        ctl_print_safe(stdout, place_of(json_is_object(event) ? event : row));
        if (*ctl_value_text(row, "structure")) {
                fputc(' ', stdout);
                ctl_print_safe(stdout, ctl_value_text(row, "structure"));
        }
}

static void print_decision(const json_t *decision) {
        const json_t *actions = json_object_get(decision, "actions"), *action;
        const char *rule = ctl_value_text(decision, "rule");
        size_t i;

        fputs("; ", stdout);
        ctl_print_safe(stdout, *rule ? rule : ctl_value_text(decision, "source"));
        if (text_equal(ctl_value_text(decision, "mode"), "observe"))
                fputs(" (observing only)", stdout);
        fputs(json_array_size(actions) > 0 ? ": " : ": nothing", stdout);
        json_array_foreach(actions, i, action) {
                fputs(i > 0 ? ", " : "", stdout);
                ctl_print_safe(stdout, json_is_string(action) ? json_string_value(action) : "?");
        }
}

static void print_story(const json_t *story) {
        char time[CTL_TIME_TEXT_SIZE];
        const json_t *row;
        size_t i;

        fputs(ctl_time_text(ctl_value_number(story, "time_usec"), time), stdout);
        if (ctl_value_number(story, "id") > 0)
                fprintf(stdout, " #%" PRIu64, ctl_value_number(story, "id"));
        fputc(' ', stdout);
        print_subject(story);
        json_array_foreach(json_object_get(story, "decisions"), i, row)
                print_decision(row);
        json_array_foreach(json_object_get(story, "actions"), i, row) {
                fputs(i > 0 ? ", " : " -> ", stdout);
                ctl_print_safe(stdout, ctl_value_text(row, "action"));
                fputc(' ', stdout);
                ctl_print_safe(stdout, ctl_value_text(row, "result"));
        }
        fputc('\n', stdout);
}

static CtlExit print_stories(const json_t *stories, bool is_json) {
        const json_t *story;
        size_t i;
        int r = 0;

        json_array_foreach(stories, i, story) {
                if (is_json)
                        r = ctl_json_print(story, true, stdout);
                else
                        print_story(story);
                if (r < 0)
                        return r == -EPIPE ? CTL_EXIT_OK : CTL_EXIT_FAILED;
        }
        return CTL_EXIT_OK;
}

static int finish_replay(FILE *stream, const char *from, const char *to) {
        if (fflush(stream) != 0 || rename(from, to) < 0)
                return -errno;
        return 0;
}

/* Beside the file first, so that there is the whole of it or none. */
static CtlExit write_replay(const CtlRequest *request, const CtlHistoryQuestion *question) {
        CtlExit exit_code = CTL_EXIT_FAILED;
        char path[PATH_MAX] = "";
        FILE *stream = NULL;
        int fd, r;

        r = text_append_format(path, sizeof(path), "%s.XXXXXX", request->replay_file);
        if (r >= 0) {
                fd = mkostemp(path, O_CLOEXEC); /* mode 0600: it names files and users */
                stream = fd >= 0 ? fdopen(fd, "w") : NULL;
                r = stream ? 0 : -errno;
                if (!stream)
                        close_fd(fd);
        }
        if (stream) {
                exit_code = ctl_history_export(request, question, stream);
                if (exit_code == CTL_EXIT_OK)
                        r = finish_replay(stream, path, request->replay_file);
                if (exit_code != CTL_EXIT_OK || r < 0)
                        (void) unlink(path);
                (void) fclose(stream);
        }
        if (r >= 0)
                return exit_code;
        ctl_complain(request->replay_file, "cannot be written: %s", strerror(-r));
        return CTL_EXIT_FAILED;
}

CtlExit ctl_history(const CtlRequest *request) {
        static const char *const keys[] = {
                "type", "serial", "id", "time_usec", "time_nsec", "cause", "kind", "severity", "domain", "structure",
                "group", "inode", "count", "test", "text", "uuid", "device", "mount", "source", "rule", "mode",
                "actions", "action", "result", "detail", "job_number", "caller_uid", "duration_usec", NULL,
        };
        _cleanup_(json_decref_at) json_t *rows = NULL, *stories = NULL;
        CtlHistoryQuestion question;
        CtlExit exit_code;

        exit_code = ctl_history_question(request, &question);
        if (exit_code != CTL_EXIT_OK)
                return exit_code;
        if (request->n_arguments > 0)
                question.filesystem = request->arguments[0];
        if (request->options & CTL_OPTION_DUMP)
                return ctl_history_dump(request, &question);
        if (request->options & CTL_OPTION_REPLAY_FILE)
                return write_replay(request, &question);
        exit_code = ctl_history_all(request, &question, keys, &rows);
        if (exit_code != CTL_EXIT_OK)
                return exit_code;
        stories = stories_of(rows);
        if (stories)
                return print_stories(stories, request->options & CTL_OPTION_JSON);
        ctl_complain(NULL, "cannot read the history: %s", strerror(ENOMEM));
        return CTL_EXIT_FAILED;
}

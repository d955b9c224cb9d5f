/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * See bus-users.h. The answer grows user by user in the reply that is sent at the end; a question holds its message and
 * nothing of the server, so that it may outlive a connection.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "src/basic/text.h"
#include "src/bus/bus-context.h"
#include "src/bus/bus-error.h"
#include "src/bus/bus-options.h"
#include "src/bus/bus-users.h"
#include "src/bus/bus-value.h"

typedef struct Question {
        sd_bus_message *message, *reply;
        int error;                      /* of an answer that could not be built */
} Question;

static Question *question_free(Question *question) {
        if (!question)
                return NULL;
        sd_bus_message_unref(question->message);
        sd_bus_message_unref(question->reply);
        free(question);
        return NULL;
}
DEFINE_CLEANUP(Question, question_free)

/* {"uses", <["open", "mapped"]>} */
static int append_uses(sd_bus_message *reply, uint32_t uses) {
        int r;

        r = sd_bus_message_open_container(reply, 'e', "sv");
        if (r >= 0)
                r = sd_bus_message_append_basic(reply, 's', "uses");
        if (r >= 0)
                r = sd_bus_message_open_container(reply, 'v', "as");
        if (r >= 0)
                r = sd_bus_message_open_container(reply, 'a', "s");
        for (uint32_t use = 1; r >= 0 && use <= USER_USES_ALL; use <<= 1)
                if (uses & use)
                        r = sd_bus_message_append_basic(reply, 's', user_use_to_name(use));
        for (unsigned i = 0; r >= 0 && i < 3; i++)
                r = sd_bus_message_close_container(reply);
        return r;
}

/* What is "" or nobody's is left out. */
static int append_workload(sd_bus_message *reply, const WorkerUser *user) {
        const struct {
                const char *key, *text;
        } texts[] = {
                { "unit",      user->unit },
                { "user-unit", user->user_unit },
                { "slice",     user->slice },
                { "session",   user->session },
                { "container", user->container },
                { "pod",       user->pod },
        };
        int r = 0;

        for (size_t i = 0; r >= 0 && i < ELEMENTSOF(texts); i++)
                if (texts[i].text[0])
                        r = bus_entry_text(reply, texts[i].key, texts[i].text);
        if (r >= 0 && user->runtime != RUNTIME_NONE)
                r = bus_entry_text(reply, "runtime", container_runtime_to_name((ContainerRuntime) user->runtime));
        if (r >= 0 && user->owner != WORKLOAD_USER_NONE)
                r = bus_entry_u32(reply, "owner-uid", user->owner);
        return r;
}

static int append_process(sd_bus_message *reply, const WorkerUser *user) {
        int r;

        r = bus_entry_u32(reply, "pid", (uint32_t) user->pid);
        if (r >= 0)
                r = bus_entry_u64(reply, "start-ticks", user->start_ticks);
        if (r >= 0 && user->pidfd_inode != 0)
                r = bus_entry_u64(reply, "pidfd-inode", user->pidfd_inode);
        if (r >= 0 && user->uid != UINT32_MAX)
                r = bus_entry_u32(reply, "uid", user->uid);
        if (r >= 0)
                r = append_uses(reply, user->uses);
        if (r >= 0)
                r = bus_entry_u32(reply, "files", user->n_files);
        return r < 0 ? r : append_workload(reply, user);
}

static int append_user(sd_bus_message *reply, const WorkerUser *user) {
        bool is_process = user->kind == USER_PROCESS;
        int r;

        r = sd_bus_message_open_container(reply, 'a', "{sv}");
        if (r >= 0)
                r = bus_entry_text(reply, "kind", user_kind_to_name((UserKind) user->kind));
        if (r >= 0)
                r = bus_entry_text(reply, "name", user->name);
        if (r >= 0 && user->detail[0])
                r = bus_entry_path(reply, is_process ? "program" : "path", user->detail);
        if (r >= 0 && is_process)
                r = append_process(reply, user);
        if (r >= 0)
                r = bus_entry_bool(reply, "taken", user->spared_because[0] == 0);
        if (r >= 0 && user->spared_because[0])
                r = bus_entry_text(reply, "spared-because", user->spared_because);
        return r < 0 ? r : sd_bus_message_close_container(reply);
}

static int append_totals(sd_bus_message *reply, const WorkerUsersEnd *end) {
        const struct {
                const char *key;
                uint32_t value;
        } numbers[] = {
                { "processes",         end->n_processes },
                { "users",             end->n_users },
                { "untold",            end->n_untold },
                { "hung",              end->n_hung },
                { "unlooked",          end->n_unlooked },
                { "ended",             end->n_changed },
                { "files-unknown",     end->n_files_unknown },
                { "namespaces",        end->n_namespaces },
                { "namespaces-unread", end->n_namespaces_unread },
        };
        int r;

        r = sd_bus_message_close_container(reply);
        if (r >= 0)
                r = sd_bus_message_open_container(reply, 'a', "{sv}");
        for (size_t i = 0; r >= 0 && i < ELEMENTSOF(numbers); i++)
                r = bus_entry_u32(reply, numbers[i].key, numbers[i].value);
        if (r >= 0)
                r = bus_entry_u64(reply, "duration-usec", end->duration_usec);
        return r < 0 ? r : sd_bus_message_close_container(reply);
}

static void answer_error(const Question *question, int error) {
        sd_bus_error text = SD_BUS_ERROR_NULL;

        switch (error) {
        case ESTALE:
                (void) bus_error_set(&text, -ENOENT, "The file system is not mounted any more");
                break;
        case EBUSY:
                (void) bus_error_set(&text, -EBUSY, "Others ask who uses a file system; ask again in a moment");
                break;
        case ENOTCONN:
        case ESHUTDOWN:
                (void) bus_error_set(&text, -ENOTCONN, "The worker went away; ask again");
                break;
        default:
                (void) bus_error_set(&text, -error, "Who uses the file system could not be found out: %s",
                                     strerror(error));
                break;
        }
        /* Who asked may have left the bus. */
        (void) sd_bus_reply_method_error(question->message, &text);
        sd_bus_error_free(&text);
}

static void on_user(void *userdata, const WorkerUser *user, const WorkerUsersEnd *end) {
        Question *question = userdata;
        int error;

        if (user) {
                if (question->error == 0)
                        question->error = min_of(append_user(question->reply, user), 0);
                return;
        }

        error = end->error != 0 ? end->error : -question->error;
        if (error == 0)
                error = -min_of(append_totals(question->reply, end), 0);
        if (error == 0)
                (void) sd_bus_send(NULL, question->reply, NULL);
        else
                answer_error(question, error);
        question_free(question);
}

static int question_new(sd_bus_message *message, Question **ret_question) {
        _cleanup_(question_free_at) Question *question = calloc(1, sizeof(*question));
        int r;

        if (!question)
                return -ENOMEM;
        question->message = sd_bus_message_ref(message);
        r = sd_bus_message_new_method_return(message, &question->reply);
        if (r >= 0)
                r = sd_bus_message_open_container(question->reply, 'a', "a{sv}");
        if (r < 0)
                return r;

        *ret_question = steal_ptr(question);
        return 0;
}

int bus_users_on_list(sd_bus_message *message, void *userdata, sd_bus_error *error) {
        _cleanup_(question_free_at) Question *question = NULL;
        const BusFilesystem *object = userdata;
        BusContext *context = object->base.context;
        uint64_t inode = 0;
        const BusOption known[] = { { "inode", 't', &inode, NULL } };
        uint32_t uid;
        int r;

        r = bus_options_read(message, known, ELEMENTSOF(known), error);
        if (r < 0)
                return r;
        r = bus_authorize(context->authorizer, message, &(BusAuthorizeCall) {
                .filesystem = object->filesystem,
                .owner_uid = BUS_UID_NONE,
        }, &uid, error);
        if (r < 0)
                return r;
        if (r == 0)
                return 1; /* polkit was asked; this runs again when it has answered */

        r = question_new(message, &question);
        if (r < 0)
                return r;
        r = engine_list_users(context->engine, object->filesystem, inode, on_user, question);
        if (r == -ENOTCONN)
                return bus_error_set(error, r, "There is no worker that could look");
        if (r == -ENOBUFS)
                return bus_error_set(error, r, "Too many ask who uses a file system at once");
        if (r < 0)
                return bus_error_set(error, r, "The worker cannot be asked: %s", strerror(-r));

        (void) steal_ptr(question);
        return 1;
}

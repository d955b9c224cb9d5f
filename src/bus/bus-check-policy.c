/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * See bus-check-policy.h. Sealed memory and nothing else: a file may lie on the file system that hangs, a pipe may
 * never end, and what somebody can still change or cut would be another text at each look.
 */
#include "src/bus/bus-check-policy.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "policy/yaml-tree.h"
#include "src/bus/bus-error.h"
#include "src/bus/bus-options.h"
#include "src/bus/bus-value.h"
#include "src/engine/engine-explain.h"

#define NEEDED_SEALS (F_SEAL_SHRINK | F_SEAL_WRITE)

DEFINE_CLEANUP(sd_bus_message, sd_bus_message_unref)

static int read_sealed(int fd, char **ret_text, size_t *ret_length, sd_bus_error *error) {
        _cleanup_(free_at) char *text = NULL;
        struct stat attributes;
        size_t length = 0;
        int seals;

        seals = fcntl(fd, F_GET_SEALS);
        if (seals < 0 || (seals & NEEDED_SEALS) != NEEDED_SEALS)
                return bus_error_set(error, -EINVAL, "The policy has to come in memory (memfd_create) that is sealed "
                                     "against shrinking and writing: reading anything else could wait");
        if (fstat(fd, &attributes) < 0)
                return bus_error_set(error, -errno, "The policy cannot be looked at: %s", strerror(errno));
        if (attributes.st_size > (off_t) YAML_TEXT_MAX)
                return bus_error_set(error, -EINVAL, "The policy is larger than %zu bytes", YAML_TEXT_MAX);

        text = malloc((size_t) attributes.st_size + 1);
        if (!text)
                return -ENOMEM;
        while (length < (size_t) attributes.st_size) {
                ssize_t n = pread(fd, text + length, (size_t) attributes.st_size - length, (off_t) length);

                if (n < 0)
                        return bus_error_set(error, -errno, "The policy cannot be read: %s", strerror(errno));
                if (n == 0)
                        break;
                length += (size_t) n;
        }
        text[length] = '\0';
        *ret_length = length;
        *ret_text = steal_ptr(text);
        return 0;
}

static int append_problem(sd_bus_message *reply, const PolicyProblems *problems, const PolicyProblem *problem) {
        int r;

        r = sd_bus_message_open_container(reply, 'r', "ssuus");
        if (r >= 0)
                r = sd_bus_message_append_basic(reply, 's', problem->severity == PROBLEM_ERROR ? "error" : "warning");
        if (r >= 0)
                r = bus_append_text(reply, policy_problems_file_name(problems, problem->position.file));
        if (r >= 0)
                r = sd_bus_message_append(reply, "uu", (uint32_t) problem->position.line,
                                          (uint32_t) problem->position.column);
        if (r >= 0)
                r = bus_append_text(reply, problem->text);
        return r < 0 ? r : sd_bus_message_close_container(reply);
}

static int answer(sd_bus_message *message, bool is_ok, const PolicyProblems *problems) {
        _cleanup_(sd_bus_message_unref_at) sd_bus_message *reply = NULL;
        int r;

        r = sd_bus_message_new_method_return(message, &reply);
        if (r >= 0)
                r = sd_bus_message_append(reply, "b", (int) is_ok);
        if (r >= 0)
                r = sd_bus_message_open_container(reply, 'a', "(ssuus)");
        for (size_t i = 0; r >= 0 && i < problems->n_items; i++)
                r = append_problem(reply, problems, problems->items + i);
        if (r >= 0)
                r = sd_bus_message_close_container(reply);
        return r < 0 ? r : sd_bus_send(NULL, reply, NULL);
}

int bus_check_policy_on_check(sd_bus_message *message, void *userdata, sd_bus_error *error) {
        _cleanup_(free_at) char *text = NULL;
        BusContext *context = userdata;
        PolicyProblems problems = {};
        size_t length = 0;
        uint32_t uid;
        int fd, r;

        r = sd_bus_message_read(message, "h", &fd);
        if (r >= 0)
                r = bus_options_read(message, NULL, 0, error);
        if (r < 0)
                return r;
        r = bus_authorize(context->authorizer, message, &(BusAuthorizeCall) { .owner_uid = BUS_UID_NONE }, &uid, error);
        if (r <= 0)
                return r < 0 ? r : 1;

        r = read_sealed(fd, &text, &length, error);
        if (r < 0)
                return r;
        r = engine_check_policy(context->engine, text, length, &problems);
        if (r >= 0 || r == -EINVAL)
                r = answer(message, r >= 0, &problems);
        policy_problems_clear(&problems);
        return r;
}

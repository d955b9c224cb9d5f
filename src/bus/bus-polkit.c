/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * See bus-polkit.h. The subject is the caller's bus name: process numbers are reused, unique names are not.
 */
#include <errno.h>

#include "src/basic/text.h"
#include "src/basic/translate.h"
#include "src/bus/bus-names.h"
#include "src/bus/bus-polkit.h"
#include "src/bus/bus-text.h"

#define POLKIT_NAME "org.freedesktop.PolicyKit1"
#define POLKIT_PATH "/org/freedesktop/PolicyKit1/Authority"
#define POLKIT_INTERFACE "org.freedesktop.PolicyKit1.Authority"

#define FLAG_ALLOW_USER_INTERACTION UINT32_C(1)

DEFINE_CLEANUP(sd_bus_message, sd_bus_message_unref)

static int append_detail(sd_bus_message *message, const char *key, const char *value) {
        _cleanup_(free_at) char *clean = NULL;
        int r;

        if (!value)
                return 0;

        r = bus_text_clean(value, BUS_TEXT_LINE, &clean);
        if (r < 0)
                return r;

        return sd_bus_message_append(message, "{ss}", key, clean);
}

static int append_filesystem(sd_bus_message *message, const Filesystem *filesystem) {
        const FilesystemFacts *facts = &filesystem->facts;
        char uuid[UUID_TEXT_SIZE], name[32];
        const BusDetail details[] = {
                { "fs.name",         filesystem_facts_subject(facts, name) },
                { "fs.uuid",         facts->uuid_state == FACT_KNOWN ? uuid_format(facts->uuid, uuid) : NULL },
                { "fs.device",       facts->device },
                { "fs.type",         facts->type },
                { "fs.mountpoint",   facts->n_mounts > 0 ? facts->mounts[0] : NULL },
                { "fs.is-root",      facts->is_root == TRISTATE_NO ? "false" : "true" },
                { "fs.is-removable", facts->is_removable == TRISTATE_YES ? "true" : "false" },
        };

        for (size_t i = 0; i < ELEMENTSOF(details); i++) {
                int r = append_detail(message, details[i].key, details[i].value);

                if (r < 0)
                        return r;
        }

        return 0;
}

static int append_details(sd_bus_message *message, const PolkitQuestion *question) {
        const BusAuthorizeCall *call = question->call;
        int r;

        r = sd_bus_message_open_container(message, 'a', "{ss}");
        if (r < 0)
                return r;
        r = append_detail(message, "polkit.message", question->guard->message);
        if (r < 0)
                return r;
        r = append_detail(message, "polkit.gettext_domain", TRANSLATE_DOMAIN);
        if (r < 0)
                return r;
        if (call->filesystem) {
                r = append_filesystem(message, call->filesystem);
                if (r < 0)
                        return r;
        } else {
                /* A job can outlive its file system; the message names one. */
                r = append_detail(message, "fs.name", "(unmounted)");
                if (r < 0)
                        return r;
        }
        for (size_t i = 0; i < call->n_details; i++) {
                r = append_detail(message, call->details[i].key, call->details[i].value);
                if (r < 0)
                        return r;
        }

        return sd_bus_message_close_container(message);
}

int polkit_question_new(sd_bus *bus, const PolkitQuestion *question, sd_bus_message **ret_message) {
        _cleanup_(sd_bus_message_unref_at) sd_bus_message *message = NULL;
        int r;

        r = sd_bus_message_new_method_call(bus, &message, POLKIT_NAME, POLKIT_PATH, POLKIT_INTERFACE,
                                           "CheckAuthorization");
        if (r < 0)
                return r;
        r = sd_bus_message_append(message, "(sa{sv})s", "system-bus-name", 1, "name", "s", question->sender,
                                  question->guard->action);
        if (r < 0)
                return r;
        r = append_details(message, question);
        if (r < 0)
                return r;
        r = sd_bus_message_append(message, "us", question->is_interactive ? FLAG_ALLOW_USER_INTERACTION : UINT32_C(0),
                                  question->cancellation_id);
        if (r < 0)
                return r;

        *ret_message = steal_ptr(message);
        return 0;
}

int polkit_cancel_new(sd_bus *bus, const char *cancellation_id, sd_bus_message **ret_message) {
        _cleanup_(sd_bus_message_unref_at) sd_bus_message *message = NULL;
        int r;

        r = sd_bus_message_new_method_call(bus, &message, POLKIT_NAME, POLKIT_PATH, POLKIT_INTERFACE,
                                           "CancelCheckAuthorization");
        if (r < 0)
                return r;
        r = sd_bus_message_append(message, "s", cancellation_id);
        if (r < 0)
                return r;
        r = sd_bus_message_set_expect_reply(message, false);
        if (r < 0)
                return r;

        *ret_message = steal_ptr(message);
        return 0;
}

/* Errors of the bus (and of systemd, which starts services for it) that mean: there is no polkit. */
static bool error_means_absent(const char *name) {
        static const char *const prefixes[] = {
                SD_BUS_ERROR_SERVICE_UNKNOWN,
                SD_BUS_ERROR_NAME_HAS_NO_OWNER,
                "org.freedesktop.DBus.Error.Spawn.",
                "org.freedesktop.systemd1.",
        };

        for (size_t i = 0; i < ELEMENTSOF(prefixes); i++)
                if (text_starts_with(name, prefixes[i]))
                        return true;

        return false;
}

static int read_is_dismissed(sd_bus_message *reply, bool *ret_is_dismissed) {
        bool is_dismissed = false;
        const char *key, *value;
        int r;

        r = sd_bus_message_enter_container(reply, 'a', "{ss}");
        if (r < 0)
                return r;
        while ((r = sd_bus_message_read(reply, "{ss}", &key, &value)) > 0)
                if (text_equal(key, "polkit.dismissed"))
                        is_dismissed = true;
        if (r < 0)
                return r;

        *ret_is_dismissed = is_dismissed;
        return 0;
}

PolkitAnswer polkit_answer_read(sd_bus_message *reply) {
        int is_authorized, is_challenge;
        bool is_dismissed;

        if (sd_bus_message_is_method_error(reply, NULL))
                return error_means_absent(sd_bus_message_get_error(reply)->name) ? POLKIT_ABSENT : POLKIT_BROKEN;

        if (sd_bus_message_enter_container(reply, 'r', "bba{ss}") < 0 ||
            sd_bus_message_read(reply, "bb", &is_authorized, &is_challenge) < 0 ||
            read_is_dismissed(reply, &is_dismissed) < 0)
                return POLKIT_BROKEN;

        if (is_authorized)
                return POLKIT_YES;
        if (is_dismissed)
                return POLKIT_DISMISSED;

        return is_challenge ? POLKIT_CHALLENGE : POLKIT_NO;
}

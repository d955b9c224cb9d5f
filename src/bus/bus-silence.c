/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * See bus-silence.h. As everywhere a handler runs twice when polkit has to be asked.
 */
#include "src/bus/bus-silence.h"

#include <errno.h>
#include <string.h>

#include "src/basic/clock.h"
#include "src/basic/text.h"
#include "src/bus/bus-error.h"
#include "src/bus/bus-manager.h"
#include "src/bus/bus-names.h"
#include "src/bus/bus-options.h"
#include "src/bus/bus-signal.h"
#include "src/bus/bus-value.h"

DEFINE_CLEANUP(sd_bus_message, sd_bus_message_unref)

typedef struct Wish {
        const char *filesystem, *kind, *severity, *rule, *route, *reason;
        int is_all;
        Suspension value;
} Wish;

static int read_wish(sd_bus_message *message, Wish *wish, sd_bus_error *error) {
        const BusOption keys[] = {
                { "filesystem", 's', &wish->filesystem, NULL },
                { "kind",       's', &wish->kind,       NULL },
                { "severity",   's', &wish->severity,   NULL },
                { "rule",       's', &wish->rule,       NULL },
                { "route",      's', &wish->route,      NULL },
        };
        const BusOption options[] = {
                { "all", 'b', &wish->is_all, NULL },
        };
        int r;

        r = bus_options_read(message, keys, ELEMENTSOF(keys), error);
        if (r >= 0)
                r = sd_bus_message_read(message, "ts", &wish->value.until_usec, &wish->reason);
        return r < 0 ? r : bus_options_read(message, options, ELEMENTSOF(options), error);
}

/* One that is not mounted has to be named by its UUID. */
static int settle_filesystem(BusContext *context, Wish *wish, sd_bus_error *error) {
        char *key = wish->value.match.filesystem;
        uint8_t uuid[UUID_SIZE];
        Filesystem *filesystem;
        int r;

        if (!wish->filesystem)
                return 0;
        if (uuid_parse(wish->filesystem, uuid) >= 0) {
                (void) uuid_format(uuid, key);
                return 0;
        }
        r = filesystem_table_find_name(engine_filesystems(context->engine), wish->filesystem, &filesystem);
        if (r < 0)
                return bus_error_set(error, r, "There is no file system called %s: name a mount point, a device or a "
                                               "UUID", wish->filesystem);
        (void) filesystem_key(&filesystem->facts, key);
        return 0;
}

static int settle_id(const char *what, const char *given, char id[static RULE_ID_SIZE], sd_bus_error *error) {
        if (!given)
                return 0;
        if (!given[0] || text_copy(id, RULE_ID_SIZE, given) < 0)
                return bus_error_set(error, -EINVAL, "No %s is called \"%s\"", what, given);
        return 0;
}

static int settle_words(Wish *wish, sd_bus_error *error) {
        SilenceMatch *match = &wish->value.match;
        ConditionCode code;
        EventKind kind;

        if (wish->kind) {
                if (event_kind_from_name(wish->kind, &kind) < 0 && condition_code_from_name(wish->kind, &code) < 0)
                        return bus_error_set(error, -EINVAL, "There is no event and no condition \"%s\"", wish->kind);
                (void) text_copy(match->kind, sizeof(match->kind), wish->kind);
        }
        if (wish->severity) {
                if (severity_from_name(wish->severity, &match->severity_at_most) < 0)
                        return bus_error_set(error, -EINVAL, "There is no severity \"%s\"", wish->severity);
                match->has_severity = true;
        }
        return 0;
}

static int settle(BusContext *context, Wish *wish, sd_bus_error *error) {
        uint64_t now_usec = clock_realtime_usec();
        bool is_empty = !wish->filesystem && !wish->kind && !wish->severity && !wish->rule && !wish->route;
        int r;

        if (is_empty && !wish->is_all)
                return bus_error_set(error, -EINVAL, "Nothing is said that is to be silenced: say what, or all");
        if (!is_empty && wish->is_all)
                return bus_error_set(error, -EINVAL, "Option \"all\" and a match exclude each other");
        if (wish->value.until_usec <= now_usec)
                return bus_error_set(error, -EINVAL, "Until when is a moment that has passed");
        if (wish->value.until_usec - now_usec > BUS_SILENCE_MAX_USEC)
                return bus_error_set(error, -EINVAL, "Nothing may be silenced for longer than 90 days");
        r = settle_filesystem(context, wish, error);
        if (r >= 0)
                r = settle_words(wish, error);
        if (r >= 0)
                r = settle_id("rule", wish->rule, wish->value.match.rule, error);
        if (r >= 0)
                r = settle_id("route", wish->route, wish->value.match.route, error);
        if (r >= 0)
                r = bus_reason_check(wish->reason, error);
        if (r < 0)
                return r;
        (void) text_copy(wish->value.reason, sizeof(wish->value.reason), wish->reason);
        return 0;
}

int bus_silence_on_silence(sd_bus_message *message, void *userdata, sd_bus_error *error) {
        Wish wish = { .value.kind = SUSPENSION_SILENCE };
        BusContext *context = userdata;
        char match[SILENCE_TEXT_SIZE];
        const char *id;
        bool is_short;
        int r;

        r = read_wish(message, &wish, error);
        if (r >= 0)
                r = settle(context, &wish, error);
        if (r < 0)
                return r;
        is_short = wish.value.until_usec - clock_realtime_usec() <= BUS_SILENCE_SHORT_USEC;
        const BusDetail details[] = { { "match", silence_text(&wish.value.match, match) } };
        r = bus_authorize(context->authorizer, message, &(BusAuthorizeCall) {
                .variant = is_short ? BUS_VARIANT_PLAIN : BUS_VARIANT_LONG,
                .owner_uid = BUS_UID_NONE,
                .details = details,
                .n_details = ELEMENTSOF(details),
        }, &wish.value.uid, error);
        if (r <= 0)
                return r < 0 ? r : 1;

        r = engine_suspend(context->engine, &wish.value, &id);
        if (r == -ENOBUFS)
                return bus_error_set(error, r, "There are %d silences already: end some", ENGINE_SUSPENSIONS_MAX);
        if (r < 0)
                return bus_error_set(error, r, "It cannot be silenced: %s", strerror(-r));
        return sd_bus_reply_method_return(message, "s", id);
}

int bus_silence_on_unsilence(sd_bus_message *message, void *userdata, sd_bus_error *error) {
        BusContext *context = userdata;
        const char *id;
        uint32_t uid;
        int r;

        r = sd_bus_message_read(message, "s", &id);
        if (r >= 0)
                r = bus_options_read(message, NULL, 0, error);
        if (r < 0)
                return r;
        const BusDetail details[] = { { "silence", id } };
        r = bus_authorize(context->authorizer, message, &(BusAuthorizeCall) {
                .owner_uid = BUS_UID_NONE,
                .details = details,
                .n_details = ELEMENTSOF(details),
        }, &uid, error);
        if (r <= 0)
                return r < 0 ? r : 1;

        r = engine_unsuspend(context->engine, SUSPENSION_SILENCE, id, uid);
        if (r < 0)
                return bus_error_set(error, r, "There is no silence \"%s\"", id);
        return sd_bus_reply_method_return(message, NULL);
}

static int append_match(sd_bus_message *reply, const SilenceMatch *match) {
        int r = 0;

        if (match->filesystem[0])
                r = bus_entry_text(reply, "filesystem", match->filesystem);
        if (r >= 0 && match->kind[0])
                r = bus_entry_text(reply, "kind", match->kind);
        if (r >= 0 && match->has_severity)
                r = bus_entry_text(reply, "severity", severity_to_name(match->severity_at_most));
        if (r >= 0 && match->rule[0])
                r = bus_entry_text(reply, "rule", match->rule);
        if (r >= 0 && match->route[0])
                r = bus_entry_text(reply, "route", match->route);
        return r;
}

static int append_silence(sd_bus_message *reply, const Suspension *silence) {
        int r;

        r = sd_bus_message_open_container(reply, 'a', "{sv}");
        if (r >= 0)
                r = bus_entry_text(reply, "id", silence->id);
        if (r >= 0)
                r = bus_entry_u32(reply, "uid", silence->uid);
        if (r >= 0)
                r = bus_entry_text(reply, "reason", silence->reason);
        if (r >= 0)
                r = bus_entry_u64(reply, "since-usec", silence->since_usec);
        if (r >= 0)
                r = bus_entry_u64(reply, "until-usec", silence->until_usec);
        if (r >= 0)
                r = append_match(reply, &silence->match);
        if (r >= 0)
                r = bus_entry_u64(reply, "matched", silence->n_matched);
        return r < 0 ? r : sd_bus_message_close_container(reply);
}

static int list(BusContext *context, sd_bus_message *message) {
        _cleanup_(sd_bus_message_unref_at) sd_bus_message *reply = NULL;
        int r;

        r = sd_bus_message_new_method_return(message, &reply);
        if (r >= 0)
                r = sd_bus_message_open_container(reply, 'a', "a{sv}");
        for (const Suspension *silence = NULL;
             r >= 0 && (silence = engine_suspension_next(context->engine, SUSPENSION_SILENCE, silence));)
                r = append_silence(reply, silence);
        if (r >= 0)
                r = sd_bus_message_close_container(reply);
        return r < 0 ? r : sd_bus_send(NULL, reply, NULL);
}

int bus_silence_on_list(sd_bus_message *message, void *userdata, sd_bus_error *error) {
        BusContext *context = userdata;
        uint32_t uid;
        int r;

        r = bus_authorize(context->authorizer, message, &(BusAuthorizeCall) { .owner_uid = BUS_UID_NONE }, &uid, error);
        if (r <= 0)
                return r < 0 ? r : 1;
        return list(context, message);
}

uint32_t bus_silence_count(BusContext *context) {
        uint32_t n = 0;

        for (const Suspension *silence = NULL;
             (silence = engine_suspension_next(context->engine, SUSPENSION_SILENCE, silence));)
                n++;
        return n;
}

void bus_silence_changed(BusContext *context, const Suspension *silence, bool is_set) {
        bus_manager_changed(context, BUS_MANAGER_SILENCES);
        bus_signal_silence_changed(context, silence->id, is_set);
}

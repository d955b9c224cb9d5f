/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "src/model/suspension.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <sys/sysmacros.h>

#include "src/basic/text.h"

static const char *const suspension_kind_names[] = {
        [SUSPENSION_PAUSE] = "pause",
        [SUSPENSION_SILENCE] = "silence",
};
DEFINE_NAMES(suspension_kind, SuspensionKind)

const char *filesystem_key(const FilesystemFacts *facts, char buffer[static FILESYSTEM_KEY_SIZE]) {
        char uuid[UUID_TEXT_SIZE];

        if (facts->uuid_state == FACT_KNOWN)
                (void) text_copy(buffer, FILESYSTEM_KEY_SIZE, uuid_format(facts->uuid, uuid));
        else
                (void) snprintf(buffer, FILESYSTEM_KEY_SIZE, "%u:%u", major(facts->device_number),
                                minor(facts->device_number));
        return buffer;
}

static bool is_so(const char *wanted, const char *text) {
        return !wanted[0] || (text && text_equal(wanted, text));
}

bool silence_matches(const SilenceMatch *match, const SilenceSubject *subject) {
        return is_so(match->filesystem, subject->filesystem) && is_so(match->kind, subject->kind) &&
               (!match->has_severity || subject->severity >= match->severity_at_most) &&
               is_so(match->rule, subject->rule) && is_so(match->route, subject->route);
}

char *silence_text(const SilenceMatch *match, char buffer[static SILENCE_TEXT_SIZE]) {
        const struct {
                const char *key, *text;
        } parts[] = {
                { "filesystem", match->filesystem },
                { "kind", match->kind },
                { "severity", match->has_severity ? severity_to_name(match->severity_at_most) : "" },
                { "rule", match->rule },
                { "route", match->route },
        };

        buffer[0] = '\0';
        for (size_t i = 0; i < ELEMENTSOF(parts); i++)
                if (parts[i].text[0])
                        (void) text_append_format(buffer, SILENCE_TEXT_SIZE, "%s%s=%s", buffer[0] ? " " : "",
                                                  parts[i].key, parts[i].text);
        if (!buffer[0])
                (void) text_copy(buffer, SILENCE_TEXT_SIZE, "everything");
        return buffer;
}

char *suspension_why(const Suspension *suspension, char buffer[static DENIED_SIZE]) {
        buffer[0] = '\0';
        if (suspension->kind == SUSPENSION_PAUSE)
                (void) text_append_format(buffer, DENIED_SIZE, "paused by uid %" PRIu32 ": ", suspension->uid);
        else
                (void) text_append_format(buffer, DENIED_SIZE, "silence %s by uid %" PRIu32 ": ", suspension->id,
                                          suspension->uid);
        (void) text_append_format(buffer, DENIED_SIZE, "%s", suspension->reason);
        return buffer;
}

/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Bounded tests on text that an attacker may have named.
 */
#define PCRE2_CODE_UNIT_WIDTH 8
#include "policy/pattern.h"

#include <pcre2.h>
#include <stdio.h>
#include <string.h>

#include "src/basic/text.h"

/* Interpreted matching of a useful pattern takes some hundred steps per subject; these allow a few
 * milliseconds at worst. */
#define REGEX_MATCH_LIMIT 100000
#define REGEX_DEPTH_LIMIT 1000
#define REGEX_HEAP_LIMIT_KIB 1024
#define REGEX_PARENS_MAX 32
/* Comparisons of single bytes. A glob needs about one for each byte of the subject unless somebody tries hard. */
#define GLOB_STEPS_MAX 1000000

struct Pattern {
        PatternKind kind;
        char *text;
        size_t length;
        pcre2_code *code;
        pcre2_match_data *match_data;
        pcre2_match_context *match_context;
};

Pattern *pattern_free(Pattern *pattern) {
        if (!pattern)
                return NULL;

        pcre2_match_context_free(pattern->match_context);
        pcre2_match_data_free(pattern->match_data);
        pcre2_code_free(pattern->code);
        free(pattern->text);
        free(pattern);
        return NULL;
}

PatternKind pattern_kind(const Pattern *pattern) {
        return pattern->kind;
}

const char *pattern_text(const Pattern *pattern) {
        return pattern->text;
}

bool pattern_text_is_glob(const char *text) {
        return strchr(text, '*');
}

DEFINE_CLEANUP(pcre2_compile_context, pcre2_compile_context_free)

static int regex_compile(Pattern *pattern, char reterr_message[static PATTERN_MESSAGE_SIZE]) {
        /* UTF mode is left out: names on disk need not be UTF-8, and bytes have no surprising classes. */
        static const uint32_t options = PCRE2_ANCHORED | PCRE2_ENDANCHORED | PCRE2_DOTALL | PCRE2_DOLLAR_ENDONLY |
                                        PCRE2_NEVER_UTF | PCRE2_NEVER_UCP | PCRE2_NEVER_BACKSLASH_C;
        _cleanup_(pcre2_compile_context_free_at) pcre2_compile_context *compile_context = NULL;
        PCRE2_SIZE offset;
        int error;

        compile_context = pcre2_compile_context_create(NULL);
        if (!compile_context)
                return -ENOMEM;
        (void) pcre2_set_parens_nest_limit(compile_context, REGEX_PARENS_MAX);

        pattern->code = pcre2_compile((PCRE2_SPTR) pattern->text, pattern->length, options, &error, &offset,
                                      compile_context);
        if (!pattern->code) {
                PCRE2_UCHAR message[PATTERN_MESSAGE_SIZE / 2];

                if (error == PCRE2_ERROR_NOMEMORY || error == PCRE2_ERROR_HEAP_FAILED)
                        return -ENOMEM;
                (void) pcre2_get_error_message(error, message, sizeof(message));
                (void) snprintf(reterr_message, PATTERN_MESSAGE_SIZE, "%s (at character %zu of it)",
                                (const char *) message, (size_t) offset + 1);
                return -EINVAL;
        }

        pattern->match_data = pcre2_match_data_create(1, NULL);
        pattern->match_context = pcre2_match_context_create(NULL);
        if (!pattern->match_data || !pattern->match_context)
                return -ENOMEM;

        (void) pcre2_set_match_limit(pattern->match_context, REGEX_MATCH_LIMIT);
        (void) pcre2_set_depth_limit(pattern->match_context, REGEX_DEPTH_LIMIT);
        (void) pcre2_set_heap_limit(pattern->match_context, REGEX_HEAP_LIMIT_KIB);
        return 0;
}

/* "/srv/" and "/srv" are the same folder; "/" keeps nothing, so that everything begins with it. */
static int under_prepare(Pattern *pattern, char reterr_message[static PATTERN_MESSAGE_SIZE]) {
        if (pattern->text[0] != '/') {
                (void) snprintf(reterr_message, PATTERN_MESSAGE_SIZE, "a folder begins with \"/\"");
                return -EINVAL;
        }

        while (pattern->length > 0 && pattern->text[pattern->length - 1] == '/')
                pattern->length--;
        return 0;
}

int pattern_new(PatternKind kind, const char *text, Pattern **ret_pattern,
                char reterr_message[static PATTERN_MESSAGE_SIZE]) {
        _cleanup_(pattern_free_at) Pattern *pattern = NULL;
        int r = 0;

        if (strlen(text) > PATTERN_TEXT_MAX) {
                (void) snprintf(reterr_message, PATTERN_MESSAGE_SIZE, "longer than %d bytes", PATTERN_TEXT_MAX);
                return -EINVAL;
        }

        pattern = calloc(1, sizeof(*pattern));
        if (!pattern)
                return -ENOMEM;
        pattern->kind = kind;
        pattern->length = strlen(text);
        pattern->text = strdup(text);
        if (!pattern->text)
                return -ENOMEM;

        if (kind == PATTERN_REGEX)
                r = regex_compile(pattern, reterr_message);
        else if (kind == PATTERN_UNDER)
                r = under_prepare(pattern, reterr_message);
        if (r < 0)
                return r;

        *ret_pattern = steal_ptr(pattern);
        return 0;
}

static Verdict regex_match(const Pattern *pattern, const char *subject, size_t length) {
        int r;

        r = pcre2_match(pattern->code, (PCRE2_SPTR) subject, length, 0, PCRE2_NO_JIT, pattern->match_data,
                        pattern->match_context);
        if (r >= 0)
                return VERDICT_YES;

        /* Everything else is a limit or a lack of memory, and neither says that the text does not match. */
        return r == PCRE2_ERROR_NOMATCH ? VERDICT_NO : VERDICT_UNKNOWN;
}

static Verdict under_match(const Pattern *pattern, const char *subject) {
        if (subject[0] != '/' || strncmp(subject, pattern->text, pattern->length) != 0)
                return VERDICT_NO;

        return subject[pattern->length] == '/' || subject[pattern->length] == '\0' ? VERDICT_YES : VERDICT_NO;
}

/* Where to go on after the star gave away one more byte. */
typedef struct GlobStar {
        const char *pattern;    /* after the star; NULL: none was seen */
        const char *subject;
} GlobStar;

/*
 * Backs up to the last "*", and when that may not grow over a "/", to the last "**". Nothing older needs
 * to be tried: what stands between two "**" matched at its earliest place, and a later place for it
 * would leave less to the rest, never more.
 */
static bool glob_back_up(GlobStar *star, GlobStar *double_star, const char **pattern, const char **subject) {
        if (star->pattern && *star->subject != '/' && *star->subject != '\0') {
                star->subject++;
                *pattern = star->pattern;
                *subject = star->subject;
                return true;
        }
        if (double_star->pattern && *double_star->subject != '\0') {
                double_star->subject++;
                *star = (GlobStar) {};
                *pattern = double_star->pattern;
                *subject = double_star->subject;
                return true;
        }

        return false;
}

static Verdict glob_match(const char *pattern, const char *subject) {
        GlobStar star = {}, double_star = {};

        for (unsigned steps = 0; steps < GLOB_STEPS_MAX; steps++) {
                if (pattern[0] == '*' && pattern[1] == '*') {
                        while (*pattern == '*')
                                pattern++;
                        double_star = (GlobStar) { pattern, subject };
                        star = (GlobStar) {};
                } else if (*pattern == '*') {
                        star = (GlobStar) { ++pattern, subject };
                } else if (*pattern == *subject) {
                        if (*pattern == '\0')
                                return VERDICT_YES;
                        pattern++;
                        subject++;
                } else if (!glob_back_up(&star, &double_star, &pattern, &subject))
                        return VERDICT_NO;
        }

        return VERDICT_UNKNOWN;
}

Verdict pattern_match(const Pattern *pattern, const char *subject) {
        size_t length = strnlen(subject, PATTERN_SUBJECT_MAX + 1);

        if (length > PATTERN_SUBJECT_MAX)
                return VERDICT_UNKNOWN;

        switch (pattern->kind) {
        case PATTERN_EXACT:
                return strcmp(pattern->text, subject) == 0 ? VERDICT_YES : VERDICT_NO;
        case PATTERN_GLOB:
                return glob_match(pattern->text, subject);
        case PATTERN_UNDER:
                return under_match(pattern, subject);
        case PATTERN_REGEX:
                return regex_match(pattern, subject, length);
        }

        return VERDICT_UNKNOWN;
}

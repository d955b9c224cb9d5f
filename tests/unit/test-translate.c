/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Texts come out of our catalogues in the language of the environment, words of the interfaces as they are.
 */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <locale.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "src/basic/translate.h"
#include "src/ctl/ctl-bus.h"

/* glibc of later versions takes no language for C.UTF-8. */
static void choose(const char *language) {
#ifndef ENABLE_NLS
        (void) language;
        print_message("built without translations\n");
        skip();
#else
        const char *locales[] = { "en_US.UTF-8", "de_DE.UTF-8", "ja_JP.UTF-8", "C.UTF-8" };

        for (size_t i = 0; i < sizeof(locales) / sizeof(locales[0]); i++) {
                assert_int_equal(setenv("LC_ALL", locales[i], true), 0);
                if (setlocale(LC_ALL, "") == NULL)
                        continue;
                assert_int_equal(setenv("LANGUAGE", language, true), 0);
                translate_begin();
                if (strcmp(_("not a mount point"), "not a mount point") != 0)
                        return;
        }
        print_message("no locale of this machine takes a language\n");
        skip();
#endif
}

static void test_german(void **state) {
        (void) state;
        choose("de");
        assert_string_equal(_("not a mount point"), "Kein Einhängepunkt");
        assert_string_equal(ngettext("%zu event", "%zu events", 1), "%zu Ereignis");
        assert_string_equal(ngettext("%zu event", "%zu events", 0), "%zu Ereignisse");
}

static void test_japanese(void **state) {
        (void) state;
        choose("ja");
        assert_string_equal(_("not a mount point"), "マウントポイントではありません");
}

/* What polkit shows keeps the names of its details. */
static void test_details(void **state) {
        (void) state;
        choose("ja");
        assert_non_null(strstr(_("Authentication is required to let $(unit) be started again"), "$(unit)"));
}

/* The format is looked up, what is put into it is not. */
static void test_complaint(void **state) {
        char *text = NULL;
        size_t size;
        FILE *was = stderr;

        (void) state;
        choose("de");
        stderr = open_memstream(&text, &size);
        assert_non_null(stderr);
        ctl_complain("/srv", "cannot read %s: %s", "nothing", "EIO");
        fclose(stderr);
        stderr = was;
        assert_string_equal(text, "healerctl: /srv: nothing ist nicht lesbar: EIO\n");
        free(text);
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_german),
                cmocka_unit_test(test_japanese),
                cmocka_unit_test(test_details),
                cmocka_unit_test(test_complaint),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}

// SPDX-License-Identifier: GPL-2.0-only
/* Reads the command line: the same words on every architecture. */
#include <errno.h>
#include <net/if.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "options.h"

#define DEFAULT_MEMORY	(256 * MB)
#define MIN_MEMORY	(32 * MB)
#define MAX_MEMORY	(1024 * GB)
#define MAX_CPUS	1024	/* /dev/kvm may have fewer, and then says so */

static const char help[] =
"Usage: berth run --kernel FILE [options]    boots Linux in a virtual machine\n"
"       berth info [--all] [--kvm FILE]      capabilities of this machine's KVM\n"
"\n"
"Options of run:\n"
"  --kernel FILE          the guest's kernel (x86: a bzImage; arm64: an Image, may be gzipped)\n"
"  --initrd FILE          its initramfs\n"
"  --append TEXT          more for its command line, after console=...\n"
"  --cpus N               virtual CPUs (1)\n"
"  --mem SIZE             memory in megabytes, or with M or G at the end (256M)\n"
"  --disk FILE[,ro]       a raw image as virtio disk, up to 4 times\n"
"  --net user|tap[:NAME]  a virtio network card: on a network of its own, 10.0.2.0/24, from which\n"
"                         connections go out as this user's, or on a tap interface\n"
"  --console serial|virtio  what the keys go to (serial)\n"
"  --kvm FILE             the KVM device (/dev/kvm)\n"
"\n"
"The guest's console is the terminal. Keys after Ctrl-a: x ends the machine, b sends a break,\n"
"a sends Ctrl-a, h lists these. Exit status: 0 when the guest powered off or reset, 1 after an\n"
"error, 2 for a wrong command line.\n";

void options_help(void)
{
	fputs(help, stdout);
}

static unsigned long number(const char *option, const char *text, char **end)
{
	unsigned long value;

	errno = 0;
	value = strtoul(text, end, 10);
	if (*text < '0' || *text > '9' || errno)
		usage_error("%s: '%s' is not a number", option, text);
	return value;
}

static void parse_cpus(struct options *o, char *text)
{
	char *end;
	unsigned long value = number("--cpus", text, &end);

	if (*end)
		usage_error("--cpus: '%s' is not a number", text);
	if (value < 1 || value > MAX_CPUS)
		usage_error("--cpus: %s is not between 1 and %d", text, MAX_CPUS);
	o->cpus = value;
}

static void parse_memory(struct options *o, char *text)
{
	char *end;
	u64 value = number("--mem", text, &end);
	u64 unit = MB;

	if (*end == 'G')
		unit = GB;
	if (*end == 'G' || *end == 'M')
		end++;
	if (*end)
		usage_error("--mem: '%s' is not a number of megabytes", text);
	if (value > MAX_MEMORY / unit || value * unit < MIN_MEMORY)
		usage_error("--mem: %s is not between 32M and 1024G", text);
	o->memory = value * unit;
}

static void parse_disk(struct options *o, char *text)
{
	struct disk *disk = &o->disk[o->nr_disks];
	size_t len = strlen(text);

	if (o->nr_disks++ == MAX_DISKS)
		usage_error("--disk: no more than %d", MAX_DISKS);
	if (len > 3 && !strcmp(text + len - 3, ",ro")) {
		disk->readonly = true;
		text[len - 3] = '\0';
	}
	disk->file = text;
}

static void parse_network(struct options *o, char *text)
{
	if (!strcmp(text, "user")) {
		o->network = NET_USER;
	} else if (!strncmp(text, "tap", 3) && (!text[3] || text[3] == ':')) {
		o->network = NET_TAP;
		o->tap = text[3] ? text + 4 : NULL;
		if (o->tap && (!*o->tap || strlen(o->tap) >= IFNAMSIZ))
			usage_error("--net: '%s' is no name of an interface", o->tap);
	} else {
		usage_error("--net: '%s' is neither user nor tap[:NAME]", text);
	}
}

static void parse_console(struct options *o, char *text)
{
	if (!strcmp(text, "serial"))
		o->console = CONSOLE_SERIAL;
	else if (!strcmp(text, "virtio"))
		o->console = CONSOLE_VIRTIO;
	else
		usage_error("--console: '%s' is neither serial nor virtio", text);
}

static void parse_kvm(struct options *o, char *text)
{
	o->kvm = text;
}

static void parse_kernel(struct options *o, char *text)
{
	o->kernel = text;
}

static void parse_initrd(struct options *o, char *text)
{
	o->initrd = text;
}

static void parse_append(struct options *o, char *text)
{
	o->append = text;
}

struct word {
	const char *name;
	void (*parse)(struct options *o, char *value);
};

static const struct word run_words[] = {
	{ "--kernel", parse_kernel },
	{ "--initrd", parse_initrd },
	{ "--append", parse_append },
	{ "--cpus", parse_cpus },
	{ "--mem", parse_memory },
	{ "--disk", parse_disk },
	{ "--net", parse_network },
	{ "--console", parse_console },
	{ "--kvm", parse_kvm },
	{ }
};

static const struct word info_words[] = {
	{ "--kvm", parse_kvm },
	{ }
};

/* The value of `word` in "word value" or "word=value", *i moved to it; NULL when it is another. */
static char *value_of(const char *word, int argc, char **argv, int *i)
{
	size_t len = strlen(word);

	if (strncmp(argv[*i], word, len))
		return NULL;
	if (argv[*i][len] == '=')
		return argv[*i] + len + 1;
	if (argv[*i][len])
		return NULL;
	if (*i + 1 == argc)
		usage_error("%s needs a value", word);
	return argv[++*i];
}

static void parse(struct options *o, const struct word *words, int argc, char **argv)
{
	const struct word *w;
	char *value;
	int i;

	for (i = 0; i < argc; i++) {
		if (!strcmp(argv[i], "--help")) {
			options_help();
			exit(STATUS_OK);
		}
		if (words == info_words && !strcmp(argv[i], "--all")) {
			o->all = true;
			continue;
		}
		for (w = words; w->name; w++) {
			value = value_of(w->name, argc, argv, &i);
			if (value)
				break;
		}
		if (!w->name)
			usage_error("unknown option '%s'", argv[i]);
		w->parse(o, value);
	}
}

void options_run(struct options *o, int argc, char **argv)
{
	*o = (struct options){ .kvm = "/dev/kvm", .append = "", .memory = DEFAULT_MEMORY, .cpus = 1 };
	parse(o, run_words, argc, argv);
	if (!o->kernel)
		usage_error("run needs --kernel FILE");
}

void options_info(struct options *o, int argc, char **argv)
{
	*o = (struct options){ .kvm = "/dev/kvm" };
	parse(o, info_words, argc, argv);
}

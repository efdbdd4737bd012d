// Debian's header includes <curl/curl.h> unless told not to; the struct layout is the same either way.
#define NOCURL 1
#include <bigWig.h>
#include <bwCommon.h>

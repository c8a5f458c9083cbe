// SPDX-License-Identifier: ISC
// An SVG by hand: two axes, two lines and their names. Anything that shows SVG shows it.
#include "curve.h"

#include "status.h"

#include <errno.h>
#include <jansson.h>
#include <math.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { WIDE = 800, HIGH = 450, LEFT = 60, RIGHT = 20, TOP = 40, BOTTOM = 50, BINS = 300 };

typedef struct Point {
  double step;
  double bits;
} Point;

typedef struct Points {
  Point *at;
  size_t count;
  size_t room;
} Points;

typedef struct Curve {
  Points train;
  Points valid;
  double order1; ///< 0: unknown
  double last_step;
  double low; ///< of the axis of bits
  double high;
  FILE *out;
} Curve;

static bool add(Points *points, double step, double bits)
{
  if (!isfinite(bits)) return true;
  if (points->count == points->room) {
    const size_t room = 2 * points->room + 64;
    Point *grown = realloc(points->at, room * sizeof *grown);
    if (!grown) return false;
    points->at = grown;
    points->room = room;
  }
  points->at[points->count++] = (Point){step, bits};
  return true;
}

static bool take_line(Curve *curve, const json_t *line)
{
  const char *event = json_string_value(json_object_get(line, "event"));
  const double step = json_number_value(json_object_get(line, "step"));
  const json_t *train = json_object_get(line, "train_bits");
  const json_t *valid = json_object_get(line, "valid_bits");
  if (!event) return true;
  if (strcmp(event, "start") == 0)
    curve->order1 = json_number_value(json_object_get(line, "order1_bits"));
  if (step > curve->last_step) curve->last_step = step;
  if (strcmp(event, "step") == 0 && json_is_number(train))
    return add(&curve->train, step, json_number_value(train));
  if (strcmp(event, "valid") == 0 && json_is_number(valid))
    return add(&curve->valid, step, json_number_value(valid));
  return true;
}

static bool read_log(FILE *log, Curve *curve)
{
  char *text = NULL;
  size_t room = 0;
  bool good = true;
  while (good && getline(&text, &room, log) > 0) {
    json_t *line = json_loads(text, 0, NULL);
    if (line) good = take_line(curve, line); // the last may be cut off
    json_decref(line);
  }
  free(text);
  return good;
}

/// Means of at most BINS runs of points, so that the line is one.
static void thin(Points *points, double last_step)
{
  size_t kept = 0;
  for (size_t i = 0; i < points->count;) {
    const double bin = floor(points->at[i].step / (last_step + 1.0) * BINS);
    Point sum = {0.0, 0.0};
    size_t n = 0;
    for (; i < points->count && floor(points->at[i].step / (last_step + 1.0) * BINS) <= bin;
         ++i, ++n) {
      sum.step += points->at[i].step;
      sum.bits += points->at[i].bits;
    }
    points->at[kept++] = (Point){sum.step / (double)n, sum.bits / (double)n};
  }
  points->count = kept;
}

static double x_of(const Curve *curve, double step)
{
  return LEFT + (WIDE - LEFT - RIGHT) * step / curve->last_step;
}

static double y_of(const Curve *curve, double bits)
{
  const double clamped = fmin(fmax(bits, curve->low), curve->high);
  return TOP + (HIGH - TOP - BOTTOM) * (curve->high - clamped) / (curve->high - curve->low);
}

/// 1, 2 or 5 times a power of ten, so that `span` has about `wanted` of them.
static double nice(double span, double wanted)
{
  const double power = pow(10.0, floor(log10(span / wanted)));
  const double rest = span / wanted / power;
  return power * (rest < 1.5 ? 1.0 : rest < 3.5 ? 2.0 : rest < 7.5 ? 5.0 : 10.0);
}

/// From below all lines to above them, but no higher than nine bits: eight is guessing.
static void scale(Curve *curve)
{
  curve->low = curve->high = curve->order1 > 0.0 ? curve->order1 : 8.0;
  const Points *both[] = {&curve->train, &curve->valid};
  for (int k = 0; k < 2; ++k)
    for (size_t i = 0; i < both[k]->count; ++i) {
      curve->low = fmin(curve->low, both[k]->at[i].bits);
      curve->high = fmax(curve->high, both[k]->at[i].bits);
    }
  curve->high = fmin(curve->high, 9.0);
  curve->low = fmin(floor(2.0 * curve->low) / 2.0, curve->high - 0.5);
  curve->high = ceil(2.0 * curve->high) / 2.0;
  if (curve->last_step < 1.0) curve->last_step = 1.0;
}

static void draw_axes(const Curve *curve)
{
  FILE *out = curve->out;
  const double x_tick = nice(curve->last_step, 8.0);
  const double y_tick = nice(curve->high - curve->low, 6.0);
  const int bottom = HIGH - BOTTOM;
  for (double y = ceil(curve->low / y_tick) * y_tick; y <= curve->high + 1e-9; y += y_tick)
    fprintf(out,
            "<path d=\"M%d %.1fH%d\" stroke=\"#ddd\"/><text x=\"%d\" y=\"%.1f\" "
            "text-anchor=\"end\">%g</text>\n",
            LEFT, y_of(curve, y), WIDE - RIGHT, LEFT - 8, y_of(curve, y) + 4.5, y);
  for (double x = 0.0; x <= curve->last_step * (1.0 + 1e-9); x += x_tick)
    fprintf(out,
            "<path d=\"M%.1f %dv6\" stroke=\"#333\"/><text x=\"%.1f\" y=\"%d\" "
            "text-anchor=\"middle\">%g</text>\n",
            x_of(curve, x), bottom, x_of(curve, x), bottom + 20, x);
  fprintf(out, "<path d=\"M%d %dV%dH%d\" fill=\"none\" stroke=\"#333\"/>\n", LEFT, TOP, bottom,
          WIDE - RIGHT);
  fprintf(out, "<text x=\"%d\" y=\"%d\" text-anchor=\"middle\">steps</text>\n",
          (LEFT + WIDE - RIGHT) / 2, HIGH - 10);
  fprintf(out, "<text x=\"%d\" y=\"%d\">bits a sample</text>\n", LEFT - 45, TOP - 14);
}

static void draw_line(const Curve *curve, const Points *points, const char *colour, double width)
{
  if (points->count == 0) return;
  fprintf(curve->out, "<polyline fill=\"none\" stroke=\"%s\" stroke-width=\"%g\" points=\"", colour,
          width);
  for (size_t i = 0; i < points->count; ++i)
    fprintf(curve->out, "%.1f,%.1f ", x_of(curve, points->at[i].step),
            y_of(curve, points->at[i].bits));
  fprintf(curve->out, "\"/>\n");
}

static void draw_name(const Curve *curve, int place, const char *colour, const char *name,
                      double bits)
{
  const int x = LEFT + 160 + 220 * place;
  fprintf(curve->out,
          "<path d=\"M%d %dh24\" stroke=\"%s\" stroke-width=\"2.5\"/><text x=\"%d\" y=\"%d\">%s "
          "%.3f</text>\n",
          x, TOP - 19, colour, x + 30, TOP - 14, name, bits);
}

static void draw(Curve *curve)
{
  static const char *const colour[] = {"#8ab", "#c30", "#383"};
  FILE *out = curve->out;
  thin(&curve->train, curve->last_step);
  scale(curve);
  fprintf(out,
          "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 %d %d\" width=\"%d\" "
          "height=\"%d\" font-family=\"sans-serif\" font-size=\"13\">\n"
          "<rect width=\"100%%\" height=\"100%%\" fill=\"#fff\"/>\n",
          WIDE, HIGH, WIDE, HIGH);
  draw_axes(curve);
  if (curve->order1 > 0.0) {
    const double y = y_of(curve, curve->order1);
    fprintf(out, "<path d=\"M%d %.1fH%d\" stroke=\"%s\" stroke-dasharray=\"6 4\"/>\n", LEFT, y,
            WIDE - RIGHT, colour[2]);
    draw_name(curve, 2, colour[2], "order 1", curve->order1);
  }
  draw_line(curve, &curve->train, colour[0], 1.5);
  draw_line(curve, &curve->valid, colour[1], 2.5);
  for (size_t i = 0; i < curve->valid.count; ++i)
    fprintf(out, "<circle cx=\"%.1f\" cy=\"%.1f\" r=\"3\" fill=\"%s\"/>\n",
            x_of(curve, curve->valid.at[i].step), y_of(curve, curve->valid.at[i].bits), colour[1]);
  if (curve->train.count > 0)
    draw_name(curve, 0, colour[0], "train", curve->train.at[curve->train.count - 1].bits);
  if (curve->valid.count > 0)
    draw_name(curve, 1, colour[1], "valid", curve->valid.at[curve->valid.count - 1].bits);
  fputs("</svg>\n", out);
}

static CenoteStatus write_svg(Curve *curve, const char *svg, CenoteError *err)
{
  const size_t size = strlen(svg) + 6;
  char *part = malloc(size);
  if (!part) return cn_fail(err, CENOTE_NO_MEMORY, "%s: out of memory", svg);
  snprintf(part, size, "%s.part", svg);
  curve->out = fopen(part, "w");
  bool good = curve->out != NULL;
  if (good) {
    draw(curve);
    good = ferror(curve->out) == 0;
    good = fclose(curve->out) == 0 && good;
    good = good && rename(part, svg) == 0;
    if (!good) unlink(part);
  }
  free(part);
  return good ? CENOTE_OK
              : cn_fail(err, CENOTE_FILE_ERROR, "%s: cannot write: %s", svg, strerror(errno));
}

CenoteStatus curve_write(FILE *log, const char *svg, CenoteError *err)
{
  Curve curve = {0};
  CenoteStatus status = CENOTE_OK;
  rewind(log);
  if (read_log(log, &curve)) status = write_svg(&curve, svg, err);
  else status = cn_fail(err, CENOTE_NO_MEMORY, "%s: out of memory", svg);
  fseek(log, 0, SEEK_END);
  free(curve.train.at);
  free(curve.valid.at);
  return status;
}

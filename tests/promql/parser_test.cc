#include "promql/parser.h"

#include <fmt/format.h>
#include <gtest/gtest.h>
#include <hygge/promql.h>

#include <random>
#include <string>

#include "promql/functions.h"

namespace hygge::promql {
namespace {

// Operators in front, every operation in brackets: shows what binds to what.
struct Shape {
  std::string operator()(const NumberLiteral& form) const { return fmt::format("{}", form.value); }
  std::string operator()(const StringLiteral& form) const { return "'" + form.value + "'"; }
  std::string operator()(const VectorSelector& form) const {
    return hygge::to_string(form.selector);
  }
  std::string operator()(const MatrixSelector& form) const {
    return fmt::format("[{} {}]", hygge::to_string(form.selector), form.range.ms);
  }
  std::string operator()(const Subquery& form) const {
    return fmt::format("[{} {} {}]", of(*form.child), form.range.ms, form.step.ms);
  }
  std::string operator()(const Call& form) const {
    std::string out = "(" + std::string(form.function->name);
    for (const NodePtr& argument : form.arguments) out += " " + of(*argument);
    return out + ")";
  }
  std::string operator()(const Aggregation& form) const {
    std::string out = fmt::format("({} {}", to_string(form.op), form.without ? "without" : "by");
    for (const std::string& label : form.labels) out += " " + label;
    if (form.parameter) out += " | " + of(*form.parameter);
    return out + " | " + of(*form.child) + ")";
  }
  std::string operator()(const Unary& form) const {
    return fmt::format("({} {})", form.negative ? "neg" : "pos", of(*form.child));
  }
  std::string operator()(const Binary& form) const {
    return fmt::format("({}{} {} {})", to_string(form.op), form.return_bool ? " bool" : "",
                       of(*form.left), of(*form.right));
  }
  std::string operator()(const Paren& form) const { return of(*form.child); }
  std::string operator()(const Let& form) const { return of(*form.body); }
  std::string operator()(const Reference& form) const { return form.name; }
  static std::string of(const Node& node) { return std::visit(Shape{}, node.form); }
};

TEST(Parser, OperatorsBindAsPrometheusBindsThem) {
  struct Case {
    const char* text;
    const char* shape;
  };
  const Case cases[] = {
      {"1 + 2 * 3", "(+ 1 (* 2 3))"},
      {"1 * 2 + 3", "(+ (* 1 2) 3)"},
      {"1 - 2 - 3", "(- (- 1 2) 3)"},
      {"2 ^ 3 ^ 2", "(^ 2 (^ 3 2))"},
      {"-2 ^ 2", "(neg (^ 2 2))"},
      {"2 ^ -3 * 4", "(* (^ 2 -3) 4)"},
      {"-1 * 2", "(* -1 2)"},
      {"-a * b", "(* (neg a) b)"},
      {"+-a", "(pos (neg a))"},
      {"a or b and c", "(or a (and b c))"},
      {"a and b or c", "(or (and a b) c)"},
      {"a unless b and c", "(and (unless a b) c)"},
      {"a == b + c", "(== a (+ b c))"},
      {"a > b and c < d", "(and (> a b) (< c d))"},
      {"a > bool 1", "(> bool a 1)"},
      {"a atan2 b * c", "(* (atan2 a b) c)"},
      {"(a + b) * c", "(* (+ a b) c)"},
      {"a % b / c", "(/ (% a b) c)"},
      {"sum(a) by (x)", "(sum by x | a)"},
      {"SUM BY (x, \"y.z\",) (a)", "(sum by x y.z | a)"},
      {"avg without () (a)", "(avg without | a)"},
      {"topk(3, a)", "(topk by | 3 | a)"},
      {"quantile by (x) (0.9, a)", "(quantile by x | 0.9 | a)"},
      {"sum{by=\"1\"} + by", "(+ sum{by=\"1\"} by)"},
      {"sum by (sum, by, on, inf) (sum)", "(sum by sum by on inf | sum)"},
      {"rate(a[5m])", "(rate [a 300000])"},
      {"rate(a[300])", "(rate [a 300000])"},
      {"quantile_over_time(0.5, a[1h30m])", "(quantile_over_time 0.5 [a 5400000])"},
      {"max_over_time(rate(a[5m])[1h:1m])", "(max_over_time [(rate [a 300000]) 3600000 60000])"},
      {"max_over_time(a[1h:])", "(max_over_time [a 3600000 0])"},
      {"5m", "300"},
      {"010 + 0x1F + 1_000 + .5", "(+ (+ (+ 8 31) 1000) 0.5)"},
      {"Inf - nAn", "(- inf nan)"},
      {"'a\\tb'", "'a\tb'"},
      {"a # comment\n + b", "(+ a b)"},
      {"a:b:c", "a:b:c"},
      {"offset offset 5m", "offset"},
      {"start + end", "(+ start end)"},
      {"time() - 1", "(- (time) 1)"},
      {"round(a)", "(round a)"},
      {"label_join(a, 'x', '-')", "(label_join a 'x' '-')"},
      {"label_join(a, 'x', '-', 'b', 'c')", "(label_join a 'x' '-' 'b' 'c')"},
  };
  for (const Case& c : cases) {
    SCOPED_TRACE(c.text);
    const auto tree = parse_tree(c.text);
    ASSERT_TRUE(tree) << tree.error().message;
    EXPECT_EQ(Shape::of(**tree), c.shape);
  }
}

TEST(Parser, ModifiersStandOnTheSelector) {
  const auto shift = [](const char* text) {
    const auto tree = parse_tree(text);
    EXPECT_TRUE(tree) << text << ": " << tree.error().message;
    const auto* vector = std::get_if<VectorSelector>(&(*tree)->form);
    if (vector != nullptr) return vector->shift;
    return std::get<MatrixSelector>((*tree)->form).shift;
  };
  using Pin = TimeShift::Pin;
  EXPECT_EQ(shift("a offset 5m"), (TimeShift{true, {300'000, ""}, Pin::none, 0, Edges::plain}));
  EXPECT_EQ(shift("a offset -1h"), (TimeShift{true, {-3'600'000, ""}, Pin::none, 0, Edges::plain}));
  EXPECT_EQ(shift("a offset 2.5"), (TimeShift{true, {2'500, ""}, Pin::none, 0, Edges::plain}));
  EXPECT_EQ(shift("a[5m] offset 0s"), (TimeShift{true, {0, ""}, Pin::none, 0, Edges::plain}));
  EXPECT_EQ(shift("a @ 1.5"), (TimeShift{false, {0, ""}, Pin::time, 1'500, Edges::plain}));
  EXPECT_EQ(shift("a @ -1"), (TimeShift{false, {0, ""}, Pin::time, -1'000, Edges::plain}));
  EXPECT_EQ(shift("a @ 2m"), (TimeShift{false, {0, ""}, Pin::time, 120'000, Edges::plain}));
  EXPECT_EQ(shift("a @ start() offset 1m"),
            (TimeShift{true, {60'000, ""}, Pin::start, 0, Edges::plain}));
  EXPECT_EQ(shift("a[1m] offset 1m @ end()"),
            (TimeShift{true, {60'000, ""}, Pin::end, 0, Edges::plain}));
}

TEST(Parser, MatchingStandsOnTheOperator) {
  const auto tree = parse_tree("a / on (x, y) group_left (z) b");
  ASSERT_TRUE(tree);
  const auto& binary = std::get<Binary>((*tree)->form);
  EXPECT_EQ(binary.matching.cardinality, Cardinality::many_to_one);
  EXPECT_TRUE(binary.matching.on);
  EXPECT_EQ(binary.matching.labels, (std::vector<std::string>{"x", "y"}));
  EXPECT_EQ(binary.matching.include, (std::vector<std::string>{"z"}));
  const auto right = parse_tree("a * ignoring (x) group_right b");
  ASSERT_TRUE(right);
  EXPECT_EQ(std::get<Binary>((*right)->form).matching.cardinality, Cardinality::one_to_many);
  EXPECT_FALSE(std::get<Binary>((*right)->form).matching.on);
}

TEST(Parser, NodesKnowTheirBytes) {
  const std::string text = "  sum by (x) (rate(a{b=\"c\"}[5m] offset 1m)) + (1)";
  const auto tree = parse_tree(text);
  ASSERT_TRUE(tree);
  const auto piece = [&](const Node& node) {
    return text.substr(node.span.begin, node.span.end - node.span.begin);
  };
  EXPECT_EQ(piece(**tree), text.substr(2));
  const auto& binary = std::get<Binary>((*tree)->form);
  EXPECT_EQ(piece(*binary.right), "(1)");
  const auto& sum = std::get<Aggregation>(binary.left->form);
  EXPECT_EQ(piece(*binary.left), "sum by (x) (rate(a{b=\"c\"}[5m] offset 1m))");
  const auto& rate = std::get<Call>(sum.child->form);
  EXPECT_EQ(piece(*sum.child), "rate(a{b=\"c\"}[5m] offset 1m)");
  EXPECT_EQ(piece(*rate.arguments[0]), "a{b=\"c\"}[5m] offset 1m");
  EXPECT_EQ(text.substr(binary.op_span.begin, 1), "+");
}

TEST(Parser, RefusesTheRestWithItsPlace) {
  struct Case {
    const char* text;
    const char* message;
  };
  const Case cases[] = {
      {"", "1:1: parse error: no expression found in input"},
      {"  # only a comment", "1:1: parse error: no expression found in input"},
      {"1 +", "1:4: parse error: unexpected end of input"},
      {"*1", "1:1: parse error: unexpected <op:*>"},
      {"a b", "1:3: parse error: unexpected identifier \"b\""},
      {"(1", "1:3: parse error: unclosed left parenthesis"},
      {"1)", "1:2: parse error: unexpected right parenthesis ')'"},
      {"sum(", "1:5: parse error: unclosed left parenthesis"},
      {"sum()", "1:1: parse error: no arguments for aggregate expression provided"},
      {"sum(a, b)",
       "1:1: parse error: wrong number of arguments for aggregate expression provided, expected "
       "1, got 2"},
      {"sum(a,)", "1:7: parse error: trailing commas not allowed in function call args"},
      {"sum(a b)",
       "1:7: parse error: unexpected identifier \"b\" in aggregation, expected \",\" or \")\""},
      {"sum by x (a)",
       "1:8: parse error: unexpected identifier \"x\" in grouping opts, expected \"(\""},
      {"sum by (a:b) (a)",
       "1:9: parse error: unexpected identifier \"a:b\" in grouping opts, expected label"},
      {"sum by (1) (a)",
       "1:9: parse error: unexpected number \"1\" in grouping opts, expected label"},
      {"sum(5)",
       "1:5: parse error: expected type instant vector in aggregation expression, got scalar"},
      {"topk('x', a)",
       "1:6: parse error: expected type scalar in aggregation parameter, got string"},
      {"rate(a)",
       "1:6: parse error: expected type range vector in call to function \"rate\", got "
       "instant vector"},
      {"rate(a[5m], 1)", "1:1: parse error: expected 1 argument(s) in call to \"rate\", got 2"},
      {"round()", "1:1: parse error: expected at least 1 argument(s) in call to \"round\", got 0"},
      {"round(a,1,2)",
       "1:1: parse error: expected at most 2 argument(s) in call to \"round\", got 3"},
      {"raet(a[5m])", "1:1: parse error: unknown function with name \"raet\""},
      {"1 > 2", "1:3: parse error: comparisons between scalars must use BOOL modifier"},
      {"a + bool b", "1:3: parse error: bool modifier can only be used on comparison operators"},
      {"a and 1", "1:3: parse error: set operator \"and\" not allowed in binary scalar expression"},
      {"a + on (x) 1", "1:3: parse error: vector matching only allowed between instant vectors"},
      {"a + on (x) group_left (x) b",
       "1:3: parse error: label \"x\" must not occur in ON and GROUP clause at once"},
      {"a and on (x) group_left b", "1:14: parse error: no grouping allowed for \"and\" operation"},
      {"a + group_left b", "1:5: parse error: unexpected <group_left>"},
      {"a[5m] + 1",
       "1:1: parse error: binary expression must contain only scalar and instant vector types"},
      {"1 + 'x'",
       "1:5: parse error: binary expression must contain only scalar and instant vector types"},
      {"-a[5m]",
       "1:1: parse error: unary expression only allowed on expressions of type scalar or instant "
       "vector, got \"range vector\""},
      {"(a)[5m]", "1:1: parse error: ranges only allowed for vector selectors"},
      {"a offset 5m [5m]", "1:1: parse error: no offset modifiers allowed before range"},
      {"a @ 5 [5m]", "1:1: parse error: no @ modifiers allowed before range"},
      {"a offset 5m offset 5m", "1:1: parse error: offset may not be set multiple times"},
      {"a @ 5 @ 6", "1:1: parse error: @ <timestamp> may not be set multiple times"},
      {"(a) offset 5m",
       "1:1: parse error: offset modifier must be preceded by an instant vector selector or range "
       "vector selector or a subquery"},
      {"1 @ 5",
       "1:1: parse error: @ modifier must be preceded by an instant vector selector or range "
       "vector selector or a subquery"},
      {"a @ b", "1:5: parse error: unexpected identifier \"b\" in @, expected timestamp"},
      {"a[]",
       "1:3: parse error: unexpected \"]\" in subquery or range selector, expected number, "
       "duration, step(), or range()"},
      {"a[5m", "1:5: parse error: unclosed left bracket"},
      {"a[0]", "1:3: parse error: duration must be greater than 0"},
      {"a[1e20]", "1:3: parse error: duration out of range"},
      {"a offset x",
       "1:10: parse error: unexpected identifier \"x\" in offset, expected number, duration, "
       "step(), or range()"},
      {"1[5m:1m]",
       "1:1: parse error: subquery is only allowed on instant vector, got scalar instead"},
      {"a{", "1:3: parse error: unexpected end of input inside braces"},
      {"{}", "1:1: parse error: vector selector must contain at least one non-empty matcher"},
      {"a +\n  $", "2:3: parse error: unexpected character: '$'"},
      {"1e400", "1:1: parse error: error parsing number: number \"1e400\" is too large"},
  };
  for (const Case& c : cases) {
    SCOPED_TRACE(c.text);
    const auto result = parse(c.text);
    ASSERT_FALSE(result);
    EXPECT_EQ(result.error().code, ErrorCode::parse);
    EXPECT_EQ(result.error().message, c.message);
    EXPECT_LE(result.error().place.begin, result.error().place.end);
  }
  EXPECT_EQ(parse("raet(a[5m])").error().detail, "did you mean \"rate\"?");
}

TEST(Parser, WhatIsNotSupportedYetSaysSoWithItsPlace) {
  struct Case {
    const char* text;
    const char* message;
  };
  const Case cases[] = {
      {"rate(a[5m] anchored)", "1:6: the modifier anchored is not supported yet"},
      {"sum(a smoothed)", "1:5: the modifier smoothed is not supported yet"},
      {"a </ 5", "1:3: the operator </ is not supported yet"},
      {"let b = a >/ 5; b", "1:11: the operator >/ is not supported yet"},
      {"start_timestamp(a)", "1:1: the function start_timestamp() is not supported yet"},
      {"histogram_count(a)", "1:1: the function histogram_count() is not supported yet"},
  };
  for (const Case& c : cases) {
    SCOPED_TRACE(c.text);
    const auto expression = parse(c.text);
    ASSERT_TRUE(expression) << expression.error().message;
    const auto result = supported(*expression);
    ASSERT_FALSE(result);
    EXPECT_EQ(result.error().code, ErrorCode::invalid_argument);
    EXPECT_EQ(result.error().message, c.message);
    EXPECT_EQ(result.error().place.line, 1U);
  }
}

TEST(Parser, OursIsRefusedWherePrometheusIsMeant) {
  struct Case {
    const char* text;
    const char* message;
  };
  const Case cases[] = {
      {"let a = b; a", "1:5: parse error: unexpected identifier \"a\""},
      {"topk_range(3, \"max\", a)", "1:1: parse error: unknown function with name \"topk_range\""},
      {"hour(a, \"Asia/Tokyo\")",
       "1:1: parse error: expected at most 1 argument(s) in call to \"hour\", got 2"},
      {"hour(\"Asia/Tokyo\")",
       "1:6: parse error: expected type instant vector in call to function \"hour\", got string"},
  };
  for (const Case& c : cases) {
    SCOPED_TRACE(c.text);
    EXPECT_TRUE(parse(c.text));
    const auto result = parse(c.text, Dialect::promql);
    ASSERT_FALSE(result);
    EXPECT_EQ(result.error().message, c.message);
  }
}

TEST(Parser, DurationsFillAndLetPrintAsTheyRead) {
  const std::pair<const char*, const char*> cases[] = {
      {"a[5m+1m]", "a[5m + 1m]"},
      {"a[(5m)]", "a[(5m)]"},
      {"a[-5m+35m:step()]", "a[-5m + 35m:step()]"},
      {"a offset (2^2)", "a offset (2 ^ 2)"},
      {"a offset -min_of(step(),1s)", "a offset -min_of(step(), 1s)"},
      {"a offset 2 ^ 2", "a offset 2s ^ 2"},
      {"a + on(x) group_left(y) fill_left(1) fill_right(-2) b",
       "a + on (x) group_left (y) fill_left (1) fill_right (-2) b"},
      {"a + fill(0) fill", "a + fill (0) fill"},
      {"info(a, {x=~\".*\"})", "info(a, {x=~\".*\"})"},
      {"info(a)", "info(a)"},
      {"let e = rate(x[5m]); sum(e)/e", "let e = rate(x[5m]); sum(e) / e"},
      {"rate(x[5m] anchored)", "rate(x[5m] anchored)"},
  };
  for (const auto& [text, printed] : cases) {
    SCOPED_TRACE(text);
    const auto first = parse(text);
    ASSERT_TRUE(first) << first.error().message;
    EXPECT_EQ(to_string(*first), printed);
    const auto second = parse(printed);
    ASSERT_TRUE(second) << second.error().message;
    EXPECT_EQ(to_string(*second), printed);
  }
}

TEST(Parser, DurationsLetAndFillAreRefusedWithTheirPlace) {
  const std::pair<const char*, const char*> cases[] = {
      {"a[5m-5m]", "1:3: parse error: duration must be greater than 0"},
      {"a[1/0]", "1:4: parse error: division by zero"},
      {"a[1h % 0]", "1:6: parse error: modulo by zero"},
      {"a[1e300]", "1:3: parse error: duration out of range"},
      {"a[b]",
       "1:3: parse error: unexpected identifier \"b\" in subquery or range selector, "
       "expected number, duration, step(), or range()"},
      {"a[1+]",
       "1:5: parse error: unexpected \"]\" in subquery or range selector, expected "
       "number, duration, step(), or range()"},
      {"let a = a; a", "1:9: parse error: \"a\" is bound by let to an expression that names it"},
      {"let a = 1; let a = 2; a", "1:16: parse error: \"a\" is bound by let twice"},
      {"let a = b; a{x=\"1\"}",
       "1:12: parse error: \"a\" is bound by let and is no metric: it "
       "takes no matchers"},
      {"let a = b a", "1:11: parse error: unexpected identifier \"a\" in let, expected \";\""},
      {"a; b", "1:2: parse error: unexpected character: ';'"},
      {"a and fill(1) b", "1:7: parse error: no fill modifier allowed for \"and\" operation"},
      {"a + fill(1) fill_left(2) b", "1:13: parse error: a side may not be filled twice"},
      {"a + fill(x) b",
       "1:10: parse error: unexpected identifier \"x\" in fill modifier, "
       "expected number"},
      {"info(a, b)",
       "1:9: parse error: expected label selectors only, got vector selector "
       "instead"},
      {"hour(a, \"Asia/Nowhere\")",
       "1:9: parse error: no time zone is called "
       "\"Asia/Nowhere\""},
      {"a anchored smoothed",
       "1:1: parse error: anchored and smoothed modifiers cannot be used "
       "together"},
  };
  for (const auto& [text, message] : cases) {
    SCOPED_TRACE(text);
    const auto result = parse(text);
    ASSERT_FALSE(result);
    EXPECT_EQ(result.error().message, message);
  }
}

TEST(Parser, DepthIsBounded) {
  const std::string open(100'000, '(');
  const auto nested = parse(open + "1" + std::string(100'000, ')'));
  ASSERT_FALSE(nested);
  EXPECT_EQ(nested.error().code, ErrorCode::limit);
  std::string chain = "1";
  for (int i = 0; i < 100'000; ++i) chain += "+1";
  const auto flat = parse(chain);
  ASSERT_FALSE(flat);
  EXPECT_EQ(flat.error().code, ErrorCode::limit);
  const auto minus = parse(std::string(100'000, '-') + "1");
  ASSERT_FALSE(minus);
  EXPECT_EQ(minus.error().code, ErrorCode::limit);
  EXPECT_TRUE(parse(std::string(200, '(') + "1" + std::string(200, ')')));
}

// Writes random expressions, types right.
class Generator {
 public:
  explicit Generator(std::uint64_t seed) : random_(seed) {}

  std::string vector(int depth) {
    if (depth == 0) return selector() + shift();
    switch (pick(10)) {
      case 0:
        return selector() + shift();
      case 1:
        return "rate(" + matrix(depth - 1) + ")";
      case 2:
        return "quantile_over_time(" + scalar(depth - 1) + "," + matrix(depth - 1) + ")";
      case 3:
        return one_of({"sum", "avg by (a, \"b.c\")", "max without(job,)", "COUNT by ()"}) + "(" +
               vector(depth - 1) + ")";
      case 4:
        return "topk(" + scalar(depth - 1) + "," + vector(depth - 1) + ") by (x)";
      case 5:
        return "(" + vector(depth - 1) + ")";
      case 6:
        return one_of({"-", "+"}) + vector(depth - 1);
      case 7:
        return vector(depth - 1) +
               one_of({" and ", " or on (x) ", " unless ", "+", "/ on(a) group_left (z) ",
                       "* ignoring (q) group_right () ", "^", "== bool ", ">", " atan2 "}) +
               vector(depth - 1);
      case 8:
        // In brackets: an operator to the right must not take the scalar alone.
        return "(" + vector(depth - 1) + one_of({"+", "<=", "%", " != bool "}) + scalar(depth - 1) +
               ")";
      default:
        return one_of({"abs", "ceil", "sort"}) + "(" + vector(depth - 1) + ")";
    }
  }

 private:
  std::uint64_t pick(std::uint64_t n) { return random_() % n; }
  std::string one_of(std::initializer_list<const char*> texts) {
    return texts.begin()[pick(texts.size())];
  }
  std::string scalar(int depth) {
    if (depth == 0 || pick(2) == 0) {
      return one_of({"1", "0x1F", "010", "1_000.5", "1e-9", "5m", "Inf", "NaN", "-2", "time()"});
    }
    if (pick(4) == 0) return "scalar(" + vector(depth - 1) + ")";
    return scalar(depth - 1) + one_of({"+", "-", "*", "/", "^", "> bool "}) + scalar(depth - 1);
  }
  std::string matrix(int depth) {
    if (depth > 0 && pick(3) == 0) {
      return "(" + vector(depth - 1) + ")[" + one_of({"1h:", "5m:30s", "1d:7"}) + "]" + shift();
    }
    return selector() + one_of({"[5m]", "[300]", "[1.5]", "[1h30m]"}) + shift();
  }
  std::string selector() {
    return one_of({"up", "a:b", "x{job=\"a\"}", "{\"a.b\",c!~\"d|e\",}", "sum{by='1'}",
                   "{__name__=~`.+`}", "m{a!=\"\\n\\\"\"}"});
  }
  std::string shift() {
    return one_of({"", "", " offset 5m", " offset -1h30m @ 5", " @ start()", " @ -1.5 offset 250ms",
                   " @ end()"});
  }
  std::mt19937_64 random_;
};

TEST(Parser, WrittenAndReadIsTheSame) {
  for (std::uint64_t seed = 0; seed < 3'000; ++seed) {
    SCOPED_TRACE(seed);
    const std::string text = Generator(seed).vector(4);
    const auto first = parse(text);
    ASSERT_TRUE(first) << text << ": " << first.error().message;
    const std::string written = to_string(*first);
    const auto second = parse(written);
    ASSERT_TRUE(second) << written << ": " << second.error().message;
    ASSERT_EQ(Shape::of(first->root()), Shape::of(second->root())) << text << "\n" << written;
    ASSERT_EQ(to_string(*second), written) << text;
  }
}

}  // namespace
}  // namespace hygge::promql

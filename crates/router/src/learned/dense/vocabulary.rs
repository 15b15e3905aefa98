//! Words that say what kind of text it is, whatever it is about.

/// What a word is a sign of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub(crate) enum Sign {
    Stop,
    Negation,
    Superlative,
    Pronoun,
    Question,
    Condition,
    Quantity,
    Statement,
    Code,
    Rule,
}

/// How many signs there are.
pub(crate) const SIGNS: usize = 10;

/// The longest word that is a sign.
pub(crate) const LONGEST: usize = 10;

/// What a word in small letters is a sign of.
pub(crate) const fn sign(word: &[u8]) -> Option<Sign> {
    Some(match word {
        b"the" | b"of" | b"and" | b"to" | b"in" | b"is" | b"are" | b"was" | b"were" | b"that" | b"for"
        | b"on" | b"by" | b"with" | b"as" | b"at" | b"be" | b"been" | b"from" | b"has" | b"have" | b"had"
        | b"it" | b"its" | b"this" | b"or" | b"an" | b"these" | b"their" => Sign::Stop,
        b"not" | b"no" | b"never" | b"none" | b"except" | b"cannot" | b"without" | b"least" | b"nor"
        | b"neither" => Sign::Negation,
        b"most" | b"best" | b"likely" | b"primarily" | b"main" | b"primary" | b"mainly" | b"highest"
        | b"greatest" | b"largest" | b"lowest" | b"smallest" | b"worst" => Sign::Superlative,
        b"he" | b"she" | b"his" | b"her" | b"him" | b"i" | b"you" | b"your" | b"my" | b"we" | b"they"
        | b"them" | b"me" | b"our" => Sign::Pronoun,
        b"what" | b"which" | b"who" | b"whom" | b"whose" | b"when" | b"where" | b"why" | b"how" => {
            Sign::Question
        }
        b"if" | b"then" | b"suppose" | b"assume" | b"given" | b"let" | b"unless" | b"whether" | b"would"
        | b"assuming" => Sign::Condition,
        b"many" | b"much" | b"total" | b"sum" | b"number" | b"find" | b"calculate" | b"compute"
        | b"average" | b"percent" | b"probability" | b"value" | b"equal" | b"ratio" | b"rate" | b"per"
        | b"each" => Sign::Quantity,
        b"true" | b"false" | b"statement" | b"statements" | b"correct" | b"incorrect" | b"following"
        | b"wrong" => Sign::Statement,
        b"function" | b"return" | b"def" | b"int" | b"class" | b"code" | b"program" | b"algorithm"
        | b"array" | b"string" | b"print" | b"python" | b"import" | b"list" | b"void" | b"json" => Sign::Code,
        b"should" | b"must" | b"shall" | b"may" | b"can" | b"could" | b"ought" => Sign::Rule,
        _ => return None,
    })
}

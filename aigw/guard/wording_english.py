"""How attacks are worded in English. The tests hold near misses beside each."""

from __future__ import annotations

from aigw.guard.wording import Wording

_ = r"\W{1,4}"
_TO4 = rf"(?:[\w'’]{{1,20}}{_}){{0,4}}"
_TO2 = rf"(?:[\w'’]{{1,20}}{_}){{0,2}}"
_DROP = r"(?:ignore|ignoring|disregard|disregarding|forget|forgetting|neglect|discard)"
_UNDO = (
    r"(?:ignore|ignoring|disregard|disregarding|forget|bypass|bypassing|override|overriding|circumvent|disable|"
    r"deactivate)"
)
_ORDERS = r"(?:instructions?|directives?|prompts?|guidelines|commands?|orders|directions)"
_RULES = (
    r"(?:rules?|restrictions?|policy|policies|constraints?|guardrails|safeguards|limitations|filters?|safety|"
    r"ethics|boundaries)"
)
_BEFORE = r"(?:previous|previously|prior|above|earlier|preceding|foregoing|existing|initial|original|former|past)"
_AI = (
    r"(?:AIs?|A\.I\.|LLMs?|language models?|AI (?:assistant|agent|model|system|reader|tool|crawler)s?|"
    r"assistants?|chatbots?"
    r"|chatgpt|gpt|claude|gemini|copilot|(?:automated|autonomous) (?:system|agent|reviewer|reader)s?|agents?|"
    r"bots?|models?)"
)
_SHOW = (
    r"(?:reveal|show|print|repeat|output|display|tell|give|share|expose|disclose|leak|dump|write|recite|list|"
    r"send|return|echo"
    r"|provide|paste|reproduce|summari[sz]e|translate|spell out|quote)"
)
_HIDDEN = (
    r"(?:system|hidden|initial|original|secret|internal|confidential|developer|pre-?prompt|first|full|exact|entire|"
    r"complete)"
)
_READS = (
    r"(?:read(?:s|ing)?|review(?:s|ing)?|process(?:es|ing)?|summari[sz](?:es?|ing)|scan(?:s|ning)?|pars(?:es?|ing)|"
    r"evaluat(?:es?|ing)|analy[sz](?:es?|ing)|index(?:es|ing)?|handling)"
)

ENGLISH = Wording(
    sure={
        "override": (
            rf"(?i)\b{_DROP}{_}{_TO4}{_BEFORE}{_}{_TO2}(?:{_ORDERS}|programming|training|context and)\b",
            rf"(?i)\b{_DROP}{_}{_TO4}(?:{_ORDERS}|{_RULES}|everything|anything|all){_}{_TO2}you(?:{_}|'|’)"
            r"(?:were|are|have|had|was|been|ve|received|got)\b[^.\n]{0,20}\b(?:given|told|received|got|taught|"
            r"instructed|programmed|provided|trained)\b",
            rf"(?i)\b{_DROP}{_}{_TO4}(?:system|developer){_}(?:and{_})?(?:\w{{1,12}}{_})?(?:instructions?|"
            rf"prompts?|directives?)\b",
            rf"(?i)\b{_UNDO}{_}{_TO4}your{_}{_TO2}(?:{_ORDERS}|{_RULES}|programming)\b",
            rf"(?i)\b{_DROP}{_}(?:all{_}|any{_})?(?:of{_})?(?:ethical|moral|legal|safety){_}{_TO2}(?:concerns?|"
            rf"considerations?|guidelines|rules|standards|principles)\b",
            rf"(?i)\byour{_}(?:new|real|actual|only|true|updated){_}{_TO2}(?:instructions?|directives?|orders|"
            rf"system (?:prompt|message)|objective|mission)"
            r"\W{1,3}(?:is|are|now|will|supersedes?|overrides?|replaces?)\b",
            rf"(?i)\b(?:as|with|is|are)\W{{1,3}}(?:your|a|the|my)\W{{1,3}}new{_}(?:system{_})(?:prompt|message|"
            rf"instructions?)\b",
        ),
        "jailbreak": (
            r"(?i)\bdo anything now\b|\bDAN mode\b|\bjailbreak (?:mode|prompt) (?:is )?(?:on|enabled|"
            r"activated)\b|\bstay a DAN\b|\byou(?:'re|’re| are)(?: now| going to be)? (?-i:DAN|STAN|DUDE)\b",
            rf"(?i)\byou(?:'re|’re| are|'ve| have| will be| must be){_}{_TO2}(?:freed?|liberated|released|"
            rf"unbound|broken free|unshackled|no longer bound|not bound|no longer restricted|not restricted|"
            rf"exempt)"
            rf"{_}(?:from|by|of|to){_}{_TO4}(?:rules|restrictions?|guidelines|polic(?:y|ies)|limits|"
            rf"limitations|openai|anthropic|google|confines|constraints|ethics|filters?)\b",
            rf"(?i)\b(?:pretend|imagine|as if|as though){_}{_TO4}you{_}{_TO2}(?:have|had|are|were|"
            rf"without)\W{{1,4}}(?:no|not|free|without|unbound|unrestricted|unfiltered|uncensored){_}?"
            rf"{_TO2}(?:rules|restrictions?|guidelines|polic(?:y|ies)|limits|limitations|ethics|filters?|"
            rf"censorship|constraints|bound)\b",
            rf"(?i)\b(?:you(?:'re|’re| are)|act as|acting as|become|simulate|role-?play as|respond as|"
            rf"answer as|behave like|pretend to be){_}{_TO4}(?:unfiltered|uncensored|unrestricted|unmoderated|"
            rf"amoral|jailbroken|unaligned){_}{_TO2}"
            r"(?:AI|assistant|model|chatbot|bot|version|language|persona|character|entity|machine)\b",
            rf"(?i)\b(?:stop being|you(?:'re|’re| are) no longer|you(?:'re|’re| are) not){_}(?:an?{_})?(?:AI|"
            rf"assistant|chatgpt|claude|gemini|language model|bound)\b[^.\n]{{0,60}}\b(?:you are|you're|now|"
            rf"instead|but)\b",
            r"(?i)\b(?:I have been|I've been|respond with|reply with|say|print|output)\W{1,4}[\"'“]?pwned\b",
        ),
        "prompt-leak": (
            rf"(?i)\b{_SHOW}{_}{_TO4}your{_}{_TO2}{_HIDDEN}{_}{_TO2}(?:prompts?|instructions?|message|"
            rf"directives?|rules|guidelines)\b",
            rf"(?i)\b(?:reveal|show|print|repeat|leak|disclose|output|expose|dump|"
            rf"recite){_}(?:me{_})?(?:all{_}(?:of{_})?)?your{_}{_TO2}(?:prompt|instructions)\b",
            rf"(?i)\b{_SHOW}{_}{_TO4}(?:instructions|prompts?|rules|guidelines|"
            rf"directives){_}(?:that{_})?you(?:'ve|’ve)?{_}(?:were|have been|had been|been|are|received|"
            rf"got){_}{_TO2}(?:given|told|received|trained|provided|instructed)?",
            rf"(?i)\bwhat(?:'s|’s| is| are| was| were| does| do){_}(?:in{_})?your{_}{_TO2}(?:system|initial|"
            rf"original|hidden|secret|internal){_}(?:prompt|instructions?|message|directives?)\b",
        ),
        "indirect": (
            rf"(?i)\b(?:note|attention|message|instructions?|notice|important|warning|reminder|hello|hey|dear|"
            rf"addressed|directive|guidance|request){_}(?:(?:to|for){_})?(?:the{_}|any{_}|all{_}|every{_}|"
            rf"an?{_}|this{_})?"
            rf"{_AI}{_}{_TO2}{_READS}\b",
            rf"(?i)<!--\W{{0,4}}(?:note to{_}|for{_}|to{_}|attention{_}|hey{_}|dear{_})?(?:the{_}|any{_}|"
            rf"all{_})?(?:assistant|AI|A\.I\.|LLM|chatgpt|gpt|claude|gemini|chatbot|AI agent|agent|"
            rf"language model)s?\W{{0,2}}[:,]",
            rf"(?i)\bif you(?:'re|’re| are){_}(?:an?{_})?(?:AI|LLM|language model|chatbot|AI assistant|"
            rf"automated (?:agent|system))\b[^.\n]{{0,60}}\b(?:{_READS})\b[^.\n]{{0,60}}\b(?:must|should|"
            rf"please|ignore|then|instead|add|include|output|say|reply)\b",
        ),
    },
    hints=(
        (
            "override",
            r"(?i)(?:\A|\n|[#=*>\[<-]{2,4})\W{0,3}(?:system|assistant|admin|developer)\W{0,2}:|\b(?:new|"
            r"updated) (?:system )?(?:instructions?|directives?|prompt)\W{0,2}:",
        ),
        (
            "override",
            r"(?i)\bend of (?:the )?(?:user|system|developer|prompt|input|document|context)\b[^\n]{0,20}(?:input|"
            r"prompt|message|instructions)?\W{0,4}\n?\W{0,6}(?:system|new|now|begin|start|###|---|===)",
        ),
        (
            "override",
            r"(?i)\byou (?:may|can|must|are (?:now )?(?:allowed|free|permitted) to)\W{1,3}now\W{1,3}(?:reveal|"
            r"disclose|ignore|share|answer|bypass|comply|do|say)\b|\byou now (?:have no|allow|accept|answer|"
            r"obey)\b|\byou (?:now )?have no (?:rules|restrictions?|guidelines|limits|limitations|policy|policies|"
            r"filters?)\b",
        ),
        (
            "override",
            r"(?i)\b(?:skip|bypass|ignore|disable[ds]?|suspend(?:ed)?|turn(?:ed)? off|override|overriding|lifted|"
            r"removed) (?:all |any |the |your )?(?:\w{1,12} )?(?:safety|security|content) (?:\w{1,12} )?(?:checks?|"
            r"confirmations?|protocols?|filters?|policy|policies|guidelines|measures|mechanisms|restrictions)\b|"
            r"\b(?:safety|security|content) (?:protocols?|filters?|checks?|guidelines|restrictions|policy|"
            r"policies) (?:are |is |have been |has been )?(?:now )?(?:disabled|off|lifted|suspended|removed|"
            r"deactivated)\b",
        ),
        (
            "jailbreak",
            r"(?i)\b(?:comply|complies|complying) with (?:every|all|any|each|my|"
            r"whatever)\b[^.\n]{0,20}\b(?:requests?|commands?|instructions?|orders?|prompts?|asks?)\b|\b(?:grant|"
            r"fulfill?|answer|obey) (?:all|every|any) (?:requests?|commands?|questions?|queries|prompts?)\b",
        ),
        (
            "jailbreak",
            r"(?i)\bunrestricted (?:response|answer|mode|access|output|version|ai)\b|\b(?:respond|answer|speak|act|"
            r"write|operate) (?:\w{1,12} ){0,2}without (?:any )?(?:\w{1,12} )?(?:limits?|limitations|restrictions?|"
            r"filters?|filtering|censorship|constraints|boundaries)\b",
        ),
        (
            "prompt-leak",
            r"(?i)\b(?:context window|system (?:prompt|message)|hidden (?:prompt|instructions?)|initial (?:prompt|"
            r"instructions?))\b[^.\n]{0,40}\b(?:verbatim|word for word|in full|entirely|completely)\b|"
            r"\beverything (?:\w{1,12} ){0,2}in your (?:context|memory|prompt)\b|\bincluding (?:the|"
            r"your) system (?:prompt|message|instructions)\b",
        ),
        (
            "override",
            rf"(?i)\b{_DROP}{_}(?:all|any|every|each|everything|these|those|the){_}{_TO4}(?:rules|restrictions?|"
            rf"policies|guardrails|safeguards|filters|{_ORDERS}|above)\b",
        ),
        (
            "override",
            rf"(?i)\b(?:forget|disregard|ignore){_}(?:everything|anything|all|whatever|what){_}{_TO2}(?:above|"
            rf"before|earlier|you know|I (?:said|told)|you (?:know|learned|were|have))\b",
        ),
        (
            "override",
            rf"(?i)\byour{_}(?:task|rules|restrictions|guidelines|role|goal|job|instructions?|purpose|identity|"
            rf"objective|mission|directives?){_}(?:has|have){_}(?:now{_}|been{_}|just{_}){{0,2}}(?:changed|"
            rf"replaced|updated|overridden|superseded|reset)\b",
        ),
        (
            "override",
            r"(?i)\b(?:new|updated|revised|real|additional|following) (?:system )?(?:instructions?|directives?|"
            r"orders) (?:follow|begin|start|from|supersede|override|take)\b|\b(?:instructions?|message|"
            r"prompt)s? (?:supersedes?|overrides?|takes? precedence over|replaces?) (?:all|any|your|previous|the)\b",
        ),
        (
            "override",
            r"(?i)\b(?:system|admin|administrator|developer|root|security|emergency) (?:override|notice|"
            r"directive)\b|\[(?:system|admin|developer|root|instructions?)\W{0,3}(?:override|message|note|"
            r"instruction|update|notice)?\]",
        ),
        (
            "override",
            r"(?i)\b(?:decode|decrypt|decipher|unscramble|rot-?13|base64|reverse)\b[^.\n]{0,60}\b(?:and|"
            r"then)\W{1,3}(?:\w{1,20}\W{1,3}){0,3}(?:follow|execute|obey|comply|act on|carry out|do (?:what|as)|"
            r"run)\b",
        ),
        (
            "jailbreak",
            r"(?i)\b(?:AI|model|assistant|chatbot|persona|character|bot|version|entity|machine|"
            r"GPT)\b[^.\n]{0,40}\b(?:without|no|free of|free from|not bound by|unbound by|zero|lacks|not have|"
            r"doesn't have|removed)\W{1,3}(?:any\W{1,3}|all\W{1,3})?(?:\w{1,20}\W{1,3}){0,3}(?:restrictions?|"
            r"limits|limitations|filters?|policy|policies|guidelines|rules|morals?|morality|ethics|ethical|"
            r"censorship|safeguards|guardrails|boundaries|inhibitions)\b",
        ),
        (
            "jailbreak",
            r"(?i)\b(?:never|not|cannot|can't|won't|must not|don't|without) (?:ever )?(?:refuses?|refusing|"
            r"declines?|rejects?|says? no|deny|denies|turn down)\b",
        ),
        (
            "jailbreak",
            r"(?i)\b(?:no|without|any|ignoring|bypass(?:ing)?|disable[ds]?|regardless of|"
            r"violat\w{1,5}) (?:\w{1,20} ){0,2}(?:safety|content|ethical|moral|legal|openai'?s?|"
            r"usage) (?:\w{1,20} ){0,1}(?:rules|guidelines|polic(?:y|ies)|filters?|restrictions?|constraints?|"
            r"considerations?|warnings?|standards|limits|limitations|concerns|boundaries|protocols?)\b",
        ),
        (
            "jailbreak",
            r"(?i)\b(?:developer|debug|god|jailbreak|sudo|admin|administrator|unrestricted|maintenance|root|dev|"
            r"evil|chaos|unlocked|opposite) mode\b[^.\n]{0,30}\b(?:enabled|activated|on|engaged|unlocked|active|"
            r"output|enable|activate)\b|\b(?:enter|enable|activate|engage|switch to|simulate|"
            r"in) (?:\w{1,12} )?(?:developer|god|jailbreak|sudo|unrestricted|root|dev|evil|chaos) mode\b",
        ),
        ("jailbreak", r"(?i)\b(?:jailbroken|jailbreak|unfiltered|uncensored|unethical|amoral|immoral)\b"),
        (
            "jailbreak",
            r"(?i)\b(?:regardless of|no matter) (?:how |whether |what |if )?(?:\w{1,20} ){0,4}(?:legal|legality|"
            r"ethics|ethical|moral|morality|unethical|illegal|immoral|harmful|dangerous|offensive|inappropriate)\b",
        ),
        (
            "jailbreak",
            r"(?i)\b(?:do not|don't|never|without|stop|avoid|no) (?:\w{1,20} ){0,2}(?:add(?:ing)?|includ(?:e|ing)|"
            r"giv(?:e|ing)|mention(?:ing|s)?|provid(?:e|ing)) (?:any |ethical |moral )?(?:disclaimers?|warnings?|"
            r"guidelines|policies|caveats)\b|\b(?:do not|don't|never|without|stop|avoid|no) (?:\w{1,20} ){0,2}"
            r"(?:disclaimers?|apolog(?:y|ies|i[sz]ing)|moral(?:i[sz]ing|s)|lectur(?:es|ing))\b",
        ),
        (
            "jailbreak",
            r"(?i)\b(?:you (?:must|have to|will|shall)|always|obey|must) (?:\w{1,20} ){0,3}(?:obey|answer (?:all|"
            r"any|every|anything|everything)|follow (?:all|any|every|my)|do (?:whatever|anything|exactly)|"
            r"fulfill?)\b",
        ),
        (
            "prompt-leak",
            rf"(?i)\b{_SHOW}{_}{_TO4}the{_}{_TO2}(?:system|hidden|initial|secret|developer){_}{_TO2}(?:prompts?|"
            rf"instructions?|message)\b",
        ),
        (
            "prompt-leak",
            rf"(?i)\b(?:repeat|print|output|copy|write|recite|show|display|return|echo|translate|"
            rf"summari[sz]e){_}{_TO4}(?:text|words|everything|content|contents|message|prompt|instructions|all|"
            rf"lines?){_}{_TO4}(?:above|before this|prior to this|preceding|so far|up to (?:here|this))\b",
        ),
        ("prompt-leak", r"(?i)\b(?:start|begin|starting|beginning|starts|begins) (?:\w{1,8} ){0,3}[\"'“]?you are\b"),
        (
            "indirect",
            rf"(?i)\b(?:(?:note|attention|message|instructions?|notice|warning|reminder|directive)\W{{1,3}}(?:to|for)|"
            rf"attention|hello|hey|dear)\W{{1,3}}(?:the |any |all |every |an? |this )?{_AI}\b|"
            rf"\b{_AI}\W{{1,3}}(?:that|who|which|when)\W{{1,3}}(?:\w{{1,12}} ){{0,2}}{_READS}\b",
        ),
        (
            "indirect",
            r"(?i)\b(?:do not|don't|never|without) (?:\w{1,12} ){0,2}(?:mention(?:ing)?|tell(?:ing)?|"
            r"inform(?:ing)?|notify(?:ing)?|reveal(?:ing)?|disclos(?:e|ing)|alert(?:ing)?|show(?:ing)?|ask(?:ing)?|"
            r"warn(?:ing)?|display(?:ing)?|reference|referencing|acknowledg(?:e|ing))(?: (?:of|about|to|"
            r"that))? (?:the user|this|these|that|any of this|it to|users?|anyone|him|her|them)\b",
        ),
        (
            "indirect",
            r"(?i)\b(?:the )?user (?:has |have )?(?:already )?(?:agreed|approved|authori[sz]ed|consented|confirmed|"
            r"granted|given (?:permission|consent)|pre-?approved|wants you to|asked you to)\b|\b(?:permission|"
            r"approval|consent) (?:has been|was|is) (?:already )?(?:granted|given)\b",
        ),
        (
            "exfiltration",
            r"(?i)!\[[^\]\n]{0,80}\]\(\s?https?://[^)\s]{1,200}[?&=/](?:[\w-]{0,30}=|[\[{$<][^)\n]{0,60})?\)",
        ),
        (
            "exfiltration",
            r"(?i)\b(?:append|add|put|include|insert|encode|attach|replace|embed|place)\b[^.\n]{0,60}\b(?:user'?s?|"
            r"conversation|chat|history|question|api[ -]?keys?|passwords?|secrets?|(?:access|auth|api|"
            r"session) tokens?|credentials|"
            r"system prompt|summary)\b[^.\n]{0,60}\b(?:url|link|parameter|query|image|encoded|base64|behind|"
            r"address)\b",
        ),
        (
            "exfiltration",
            r"(?i)\b(?:send|forward|e-?mail|post|upload|exfiltrate|transmit|leak|dump|output|reveal|print|list|"
            r"share|read|collect|extract|steal)\b[^.\n]{0,40}\b(?:all|every|full|entire|raw|any|user'?s?|stored|"
            r"private|customer|environment|env) (?:\w{1,15} ){0,3}(?:api[ -]?keys?|passwords?|secrets|credentials|"
            r"tokens|variables|database|records|emails|ssh keys?|\.env|private keys?|conversations?|chat history|"
            r"files)\b",
        ),
    ),
    weak=(
        ("indirect", r"(?i)\b(?:silently|secretly|covertly|quietly|discreetly)\b"),
        ("override", r"(?i)<\|(?:im_start|system)\|>|\[/?INST\]|<</?SYS>>"),
        (
            "override",
            r"(?i)\bfrom (?:now|this (?:point|moment|line)|here) on(?:ward)?s?\b[^.\n]{0,20}\b(?:you|your|respond|"
            r"answer|act|only)\b|\byou(?:'re|’re| are) now (?:a|an|the|in|my|going)\b",
        ),
        (
            "override",
            r"(?i)\b(?:end of|end) (?:the )?(?:system )?(?:prompt|instructions|document|context|user (?:input|"
            r"message)|data)\b|\bbegin (?:new )?(?:system )?(?:prompt|instructions)\b",
        ),
        (
            "jailbreak",
            r"(?i)\b(?:stay|remain|keep|always be|be) in (?:\w{1,12} )?character\b|"
            r"\bbreak(?:ing)? (?:\w{1,12} )?character\b|\bout of character\b",
        ),
        (
            "jailbreak",
            r"(?i)\b(?:as an AI language model|as an AI|I (?:cannot|can't|am unable to)|"
            r"I'm sorry)\b[^.\n]{0,60}\b(?:never|do not|don't|not allowed|must not|forbidden|avoid|instead)\b|"
            r"\b(?:never|do not|don't|not) (?:\w{1,12} ){0,3}(?:as an AI|I can't|I cannot|I'm sorry)",
        ),
        (
            "jailbreak",
            r"(?i)\b(?:pretend|imagine|act as|role-?play|simulate|play the role|take on the role|you will play|"
            r"you are going to (?:act|pretend|play)|immerse yourself)\b",
        ),
        (
            "jailbreak",
            r"(?i)\b(?:two|2|both) (?:different )?(?:responses|answers|outputs|ways|paragraphs)\b|\b(?:classic|"
            r"normal|standard|regular|typical) (?:\w{1,12} )?(?:response|answer|GPT|ChatGPT)\b",
        ),
        (
            "jailbreak",
            r"(?i)\bunderstood\?|\bif you understand\b|\b(?:reply|respond|answer|say) (?:with |only |"
            r"only with )?[\"'“][^\"'”\n]{1,60}[\"'”](?: (?:to|and|if|then|when)\b)",
        ),
        (
            "jailbreak",
            r"(?i)\b(?:can|able to|allowed to|will|would) (?:now )?(?:do|say|generate|create|produce|write|answer|"
            r"respond to|provide|discuss|use) (?:absolutely )?(?:anything|everything|any (?:content|topic|question|"
            r"request|kind|type))\b",
        ),
        (
            "prompt-leak",
            r"(?i)\b(?:word[ -]for[ -]word|verbatim|character by character|exactly as (?:written|is)|"
            r"without (?:omitting|changing) anything)\b",
        ),
        (
            "indirect",
            r"(?i)\b(?:call|invoke|run|execute|use|trigger) (?:the )?(?:tool |function |command |"
            r"api )?[`\"']?(?:delete|drop|remove|transfer|send|wire|purchase|exec|shell|rm|grant|reset|refund|http|"
            r"fetch|post)_?\w{0,30}[`\"']?(?: (?:with|on|tool|function|to|for|and)\b|\()",
        ),
        (
            "indirect",
            r"(?i)\b(?:reply|respond|answer|output|say|return) (?:only|just|nothing but|"
            r"exclusively)(?: with)?\W{1,3}[\"'“`]?(?:done|ok|okay|completed|success|yes|approved|confirmed|"
            r"finished)\b",
        ),
        (
            "exfiltration",
            r"(?i)\b(?:send|forward|e-?mail|post|upload|exfiltrate|transmit|leak|deliver|copy|bcc|submit|"
            r"share)\b[^.\n]{0,60}\b(?:to|at)\W{1,3}(?:\w{1,12} ){0,2}(?:[\w.+-]{1,60}@[\w-]{1,60}\.\w{2,10}|"
            r"https?://|\w{0,10}webhook)",
        ),
    ),
)

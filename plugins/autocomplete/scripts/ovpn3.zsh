#compdef ovpn3
# Completion of ovpn3 for zsh.
# To install it: ovpn3 autocomplete --install zsh
# For this shell only: . <(ovpn3 autocomplete zsh)

_ovpn3() {
    local line value
    local -a complete open
    local -a lines=("${(@f)$(command ovpn3 --complete zsh "${(Q)PREFIX}" "${(@Q)words[2,CURRENT-1]}" 2>/dev/null </dev/null)}")
    # of --option=value only the value is completed
    local shared=
    if [[ $PREFIX == --*=* ]]; then
        shared=${PREFIX%%=*}=
        compset -P 1 '*='
    fi
    for line in $lines; do
        value=${${line%%$'\t'*}#$shared}
        value=${${value//\\/\\\\}//:/\\:}
        [[ $line == *$'\t' ]] || value+=:${line#*$'\t'}
        # what ends so is not complete
        if [[ $line == *[=/]$'\t'* ]]; then open+=("$value"); else complete+=("$value"); fi
    done
    _describe -t values value complete -- open -S ''
}

if [[ $funcstack[1] == _ovpn3 ]]; then
    _ovpn3 "$@"
else
    (( $+functions[compdef] )) || { autoload -Uz compinit && compinit -i }
    compdef _ovpn3 ovpn3
fi
